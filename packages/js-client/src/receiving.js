/** Receiving every file that is sent. */

import { FileError } from './errors.js';
import { FileEvent } from './events.js';
import { IncomingFile } from './incoming-file.js';

/** Files that arrive at the same time; further senders wait for their answer. */
const MAX_AT_ONCE = 16;
const MAX_SAME_NAMES = 1000;

/** @typedef {import('./incoming-file.js').ReceivedFile & { name: string, folder: string[] }} ArrivedFile `name` is the one that it got here */
/**
 * @typedef {object} ReceiveOptions
 * @property {FileSystemDirectoryHandle} [into] where files and their folders are made; without it the content is in `blob`
 * @property {'rename' | 'replace' | 'refuse'} [existing] what becomes of a file whose name is taken: `a (1).bin` unless given. One
 *   that is replaced keeps what it has of the same content
 * @property {number} [maxBytes] of a file
 * @property {(file: IncomingFile) => boolean | Promise<boolean>} [accept] asked for each
 * @property {(file: IncomingFile, receivedBytes: number) => void} [onProgress]
 * @property {(file: IncomingFile, error: unknown) => void} [onError] one was refused, cancelled or interrupted
 * @property {AbortSignal} [signal] ends it
 */

/** The other side has opened a channel for a file. @param {EventTarget} connection @param {import('./channel.js').Channel} channel */
export async function announce(connection, channel) {
  const file = await IncomingFile.announced(channel);
  if (file === null) return;
  connection.dispatchEvent(new FileEvent(file));
  if (!file.decided) await file.refuse('NOT_WANTED', 'Nobody here takes files');
}

/**
 * Files as they are complete, several at once, until the connection is over.
 * @param {Pick<import('./connection.js').Connection, 'on' | 'isOver'>} connection
 * @param {ReceiveOptions} [options]
 * @returns {AsyncGenerator<ArrivedFile, void>}
 */
export function receiveFiles(connection, options = {}) {
  const { into, existing = 'rename', maxBytes, accept = () => true, onProgress, onError = () => {}, signal } = options;
  const over = new AbortController();
  const stop = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
  /** @type {ArrivedFile[]} */
  const arrived = [];
  /** What is on its way. @type {Set<Promise<void>>} */
  const coming = new Set();
  /** Where those go on that were interrupted. @type {Map<string, FileSystemFileHandle>} */
  const begun = new Map();
  let wake = () => {};
  /** Names are given one after another. @type {Promise<unknown>} */
  let naming = Promise.resolve();

  /** @param {IncomingFile} file */
  async function place(file) {
    const key = JSON.stringify([file.folder, file.name, file.size]);
    const turn = naming.then(async () => begun.get(key) ?? (into && (await handleIn(into, file, existing))));
    naming = turn.catch(() => {});
    const to = await turn;
    if (to) begun.set(key, to);
    return { to, done: () => begun.delete(key) };
  }

  /** @param {IncomingFile} file @param {Promise<void>[]} earlier */
  async function take(file, earlier) {
    try {
      if (!(await accept(file))) return await file.refuse();
      if (earlier.length >= MAX_AT_ONCE) await Promise.race(earlier);
      const { to, done } = await place(file);
      const limit = maxBytes === undefined ? {} : { maxBytes };
      const progress = (/** @type {number} */ bytes) => onProgress?.(file, bytes);
      const received = await file.accept({ ...limit, ...(to && { to }), onProgress: progress, signal: stop });
      done();
      arrived.push({ ...received, name: to?.name ?? file.name, folder: file.folder });
      wake();
    } catch (error) {
      if (error instanceof FileError && ['EXISTS', 'BAD_NAME'].includes(error.code)) {
        await file.refuse(/** @type {any} */ (error.code), error.message);
      }
      onError(file, error);
    }
    return undefined;
  }

  connection.on(
    'file',
    ({ file }) => {
      file.decided = true;
      const taking = take(file, [...coming]).finally(() => coming.delete(taking));
      coming.add(taking);
    },
    { signal: stop },
  );
  connection.on('state', () => connection.isOver && wake(), { signal: stop });
  stop.addEventListener('abort', () => wake());

  return (async function* () {
    try {
      for (;;) {
        for (let file = arrived.shift(); file; file = arrived.shift()) yield file;
        if (stop.aborted || (connection.isOver && coming.size === 0)) return;
        const news = new Promise((resolve) => (wake = () => resolve(undefined)));
        await (connection.isOver ? Promise.all(coming) : news);
      }
    } finally {
      over.abort();
    }
  })();
}

/** @param {FileSystemDirectoryHandle} into @param {IncomingFile} file @param {'rename' | 'replace' | 'refuse'} existing */
async function handleIn(into, { name, folder }, existing) {
  try {
    let directory = into;
    for (const each of folder) directory = await directory.getDirectoryHandle(each, { create: true });
    for (let number = 0; number < MAX_SAME_NAMES; number += 1) {
      const free = number === 0 ? name : name.replace(/(\.[^.]*)?$/, ` (${number})$1`);
      const isTaken = existing !== 'replace' && (await has(directory, free));
      if (!isTaken) return await directory.getFileHandle(free, { create: true });
      if (existing === 'refuse') break;
    }
  } catch (cause) {
    // A name that this system does not take, or that is a folder's here.
    const isBad = cause instanceof TypeError || (cause instanceof DOMException && cause.name === 'TypeMismatchError');
    if (isBad) throw new FileError('BAD_NAME', 'A file cannot have that name here', { cause });
    throw cause;
  }
  throw new FileError('EXISTS', 'There is a file of that name');
}

/** @param {FileSystemDirectoryHandle} directory @param {string} name */
async function has(directory, name) {
  try {
    await directory.getFileHandle(name);
    return true;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotFoundError') return false;
    if (error instanceof DOMException && error.name === 'TypeMismatchError') return true;
    throw error;
  }
}

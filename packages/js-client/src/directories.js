/** Sending what is in a directory, file by file, as the Python SDK does. */

import { HeliographError } from './errors.js';
import { sendFile } from './sending.js';

const FILES_AT_ONCE = 4;
const MAX_FILES = 100_000;
const MAX_FOLDERS = 32;

/**
 * A directory: from `showDirectoryPicker()`, or of a drop (`item.webkitGetAsEntry()`, or `getAsFileSystemHandle()`); or the
 * files of an `<input type="file" webkitdirectory>`.
 * @typedef {FileSystemDirectoryHandle | FileSystemDirectoryEntry | Iterable<File>} Directory
 */
/** @typedef {{ file: File, folder: string[] }} Entry */
/** @typedef {import('./sending.js').Receipt & { name: string, folder: string[] }} SentFile */
/**
 * @typedef {object} DirectoryOptions
 * @property {string} [name] of the outermost folder, otherwise that of the directory
 * @property {number} [atOnce] files on their way at the same time, 4 unless given
 * @property {(verifiedBytes: number, totalBytes: number) => void} [onProgress] of all files together
 * @property {AbortSignal} [signal]
 */

/**
 * Sends every file in a directory and the ones below it; the receiver is told the folders. Throws what `sendFile` throws, for
 * the first file that fails, and cancels the others.
 * @param {import('./sending.js').OpensChannels} connection
 * @param {Directory} directory
 * @param {DirectoryOptions} [options]
 * @returns {Promise<SentFile[]>} sorted by folder and name
 * @throws {import('./errors.js').FileError | HeliographError} `TOO_MANY_FILES` over 100,000 files, `TOO_DEEP` over 32 levels
 */
export async function sendDirectory(connection, directory, { name, atOnce = FILES_AT_ONCE, onProgress = () => {}, signal } = {}) {
  /** @type {Entry[]} */
  const entries = [];
  for await (const entry of entriesOf(directory, name)) {
    signal?.throwIfAborted();
    if (entry.folder.length > MAX_FOLDERS) throw new HeliographError('TOO_DEEP', `Over ${MAX_FOLDERS} levels deep`);
    if (entries.push(entry) > MAX_FILES) throw new HeliographError('TOO_MANY_FILES', `Over ${MAX_FILES} files`);
  }
  entries.sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1));
  const total = entries.reduce((sum, { file }) => sum + file.size, 0);
  const failed = new AbortController();
  const stop = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const waiting = entries.values();
  /** @type {Map<Entry, SentFile>} */
  const sent = new Map();
  /** @type {Map<Entry, number>} */
  const done = new Map();
  const lane = async () => {
    for (const entry of waiting) {
      const { file, folder } = entry;
      const count = (/** @type {number} */ bytes) => {
        done.set(entry, bytes);
        onProgress([...done.values()].reduce((sum, each) => sum + each, 0), total);
      };
      const receipt = await sendFile(connection, file, { folder, onProgress: count, signal: stop });
      sent.set(entry, { ...receipt, name: file.name, folder });
    }
  };
  const lanes = Array.from({ length: Math.max(1, atOnce) }, () => lane().catch((error) => Promise.reject(failed.abort(error) ?? error)));
  await Promise.allSettled(lanes);
  await Promise.all(lanes);
  return entries.map((entry) => /** @type {SentFile} */ (sent.get(entry)));
}

/** @param {Entry} entry */
function pathOf({ file, folder }) {
  return [...folder, file.name].join('/');
}

/** @param {Directory} directory @param {string | undefined} name @returns {AsyncGenerator<Entry>} */
async function* entriesOf(directory, name) {
  if (Symbol.iterator in directory) {
    for (const file of directory) {
      const folder = file.webkitRelativePath.split('/').slice(0, -1);
      yield { file, folder: name === undefined ? folder : [name, ...folder.slice(1)] };
    }
  } else if ('getFileHandle' in directory) yield* ofHandle(directory, [name ?? (directory.name || 'files')]);
  else yield* ofEntry(directory, [name ?? (directory.name || 'files')]);
}

/** @param {FileSystemDirectoryHandle} directory @param {string[]} folder @returns {AsyncGenerator<Entry>} */
async function* ofHandle(directory, folder) {
  for await (const handle of directory.values()) {
    if (handle.kind === 'file') yield { file: await handle.getFile(), folder };
    else if (folder.length <= MAX_FOLDERS) yield* ofHandle(handle, [...folder, handle.name]);
  }
}

/** @param {FileSystemDirectoryEntry} directory @param {string[]} folder @returns {AsyncGenerator<Entry>} */
async function* ofEntry(directory, folder) {
  const reader = directory.createReader();
  for (;;) {
    /** @type {any[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time, then none
    if (some.length === 0) return;
    for (const entry of some) {
      if (entry.isFile) yield { file: await new Promise((resolve, reject) => entry.file(resolve, reject)), folder };
      else if (folder.length <= MAX_FOLDERS) yield* ofEntry(entry, [...folder, entry.name]);
    }
  }
}

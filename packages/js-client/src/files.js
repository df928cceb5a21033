/**
 * Files, each over a channel of its own: a header, the content, its SHA-256; then the receiver's verdict.
 * See incoming-file.js for the other end.
 */

import * as errors from './errors.js';
import { Sha256 } from './sha256.js';
import { within } from './waiting.js';

export const CHAT_LABEL = 'chat';
export const FILE_LABEL = 'file';
export const CHUNK_BYTES = 65_536;
/** Read from disk at a time. */
const READ_BYTES = 16 * CHUNK_BYTES;
/** For the receiver to answer, once it must have everything. */
export const VERDICT_TIMEOUT_MS = 30_000;
const NAME_CHARACTERS = 255;

/** @typedef {import('./protocol.js').FileControl} FileControl */
/** @typedef {{ size: number, sha256: string }} Receipt `sha256` in 64 lower-case hexadecimal digits */
/**
 * @typedef {object} SendOptions
 * @property {string} [name] otherwise that of the `File`
 * @property {(sentBytes: number, totalBytes: number) => void} [onProgress]
 * @property {AbortSignal} [signal]
 */

/**
 * @param {{ openChannel(label: string): import('./channel.js').Channel }} connection
 * @param {Blob} file
 * @param {SendOptions} [options]
 * @returns {Promise<Receipt>} both sides computed the same
 * @throws {errors.FileRefusedByPeer | errors.FileMismatch | errors.FileInterrupted | errors.FileUnreadable}
 */
export async function sendFile(connection, file, { name = nameOf(file), onProgress = () => {}, signal } = {}) {
  const channel = connection.openChannel(FILE_LABEL);
  const refused = new AbortController();
  const stop = signal ? AbortSignal.any([signal, refused.signal]) : refused.signal;
  const verdict = awaitVerdict(channel);
  verdict.catch((error) => refused.abort(error));
  try {
    const mime = file.type || 'application/octet-stream';
    await channel.send(encode({ type: 'file', name: bareName(name), size: file.size, mime }), { signal: stop });
    const sha256 = await sendContent(channel, file, onProgress, stop);
    await channel.send(encode({ type: 'end', sha256 }), { signal: stop });
    await channel.drained({ signal: stop });
    const late = () => new errors.FileInterrupted('NO_RECEIPT', 'The other side did not confirm the file');
    const receipt = await within(verdict, { ms: VERDICT_TIMEOUT_MS, late, signal: stop });
    if (receipt.sha256 !== sha256 || receipt.size !== file.size) {
      throw new errors.FileMismatch('CHECKSUM_MISMATCH', 'The other side received something else');
    }
    return { size: file.size, sha256 };
  } catch (error) {
    // A refusal closes the channel too; it, not the close, is the reason.
    throw refused.signal.aborted && !signal?.aborted ? refused.signal.reason : error;
  } finally {
    channel.close();
  }
}

/**
 * @param {FileControl} message
 * @returns {string}
 */
export function encode(message) {
  return JSON.stringify(message);
}

/**
 * @param {import('./channel.js').Frame} frame
 * @returns {Record<string, unknown> | null} null for what is no control message
 */
export function decode(frame) {
  if (typeof frame !== 'string') return null;
  try {
    const value = JSON.parse(frame);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/**
 * A file name without path, control and direction-changing characters, fit to be shown and saved.
 * @param {string} name
 * @returns {string}
 */
export function bareName(name) {
  const last = name.split(/[/\\]/).at(-1) ?? '';
  const clean = last.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '').trim();
  const bare = [...clean].slice(0, NAME_CHARACTERS).join('');
  return bare === '' || bare === '.' || bare === '..' ? 'file' : bare;
}

/** @param {Blob} file */
function nameOf(file) {
  return file instanceof File ? file.name : 'file';
}

/**
 * @param {import('./channel.js').Channel} channel
 * @param {Blob} file
 * @param {(sentBytes: number, totalBytes: number) => void} onProgress
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
async function sendContent(channel, file, onProgress, signal) {
  const hash = new Sha256();
  let next = read(file, 0);
  for (let offset = 0; offset < file.size; offset += READ_BYTES) {
    const piece = await next;
    next = read(file, offset + READ_BYTES); // while this one is on its way
    next.catch(() => {});
    for (let start = 0; start < piece.length; start += CHUNK_BYTES) {
      const chunk = piece.subarray(start, start + CHUNK_BYTES);
      hash.update(chunk);
      await channel.send(chunk, { signal });
      onProgress(Math.max(0, offset + start + chunk.length - channel.bufferedAmount), file.size);
    }
  }
  return hash.hex();
}

/** @param {Blob} file @param {number} offset */
async function read(file, offset) {
  try {
    return new Uint8Array(await file.slice(offset, offset + READ_BYTES).arrayBuffer());
  } catch (cause) {
    throw new errors.FileUnreadable('FILE_UNREADABLE', 'The file changed or cannot be read any more', { cause });
  }
}

/**
 * @param {import('./channel.js').Channel} channel
 * @returns {Promise<Receipt>}
 */
async function awaitVerdict(channel) {
  for await (const frame of channel) {
    const message = decode(frame);
    if (message?.type === 'received') return { size: Number(message.size), sha256: String(message.sha256) };
    if (message?.type === 'refused') {
      const words = String(message.message || message.code);
      throw new errors.FileRefusedByPeer(String(message.code), `The other side refused the file: ${words}`);
    }
  }
  throw new errors.FileInterrupted('FILE_INTERRUPTED', 'The connection ended before the file was through');
}

/** A file that the other side is sending. */

import * as errors from './errors.js';
import { CHUNK_BYTES, FRAME_BYTES, bareName, decode, encode, isBytes } from './file-format.js';
import { Pieces } from './kept-files.js';

/** From the channel's opening to its first frame. */
export const HEADER_TIMEOUT_MS = 10_000;
/** Between two frames. */
export const IDLE_TIMEOUT_MS = 60_000;
/** For the sender to close the channel after the verdict. */
export const LINGER_MS = 10_000;
export const MAX_FILE_BYTES = 2 * 1024 ** 3;
/** How far the sender may be ahead of what is verified. */
const WINDOW_BYTES = 8 * CHUNK_BYTES;

/** @typedef {import('./channel.js').Channel} Channel */
/** @typedef {'TOO_BIG' | 'CHECKSUM_MISMATCH' | 'SIZE_MISMATCH' | 'NOT_WANTED' | 'BAD_MESSAGE' | 'NO_SPACE' | 'CANNOT_WRITE' | 'CANCELLED' | 'EXISTS' | 'BAD_NAME'} RefusalCode */
/**
 * @typedef {object} ReceivedFile
 * @property {Blob} blob the content; that of a big file is on disk, for as long as the page is open
 * @property {number} size
 * @property {string} sha256 in 64 lower-case hexadecimal digits
 * @property {number} resumedAt bytes that were here already
 * @property {() => Promise<void>} discard frees the memory or disk that `blob` takes up, which cannot be read any more; nothing
 *   happens to a file that was chosen with `to`
 */

/** By what they are known again. @type {Map<string, { channel: Channel, taking: Promise<ReceivedFile> }>} */
const underWay = new Map();

export class IncomingFile {
  /** Whether it was accepted or refused. */
  decided = false;
  #channel;
  #modified;

  /**
   * @param {Channel} channel @param {string} name bare @param {number} size bytes @param {string} mime
   * @param {string[]} [folder] names of the folders it lies in, outermost first @param {unknown} [modified]
   */
  constructor(channel, name, size, mime, folder = [], modified = null) {
    this.#channel = channel;
    this.name = name;
    this.size = size;
    this.mime = mime;
    this.folder = folder;
    this.#modified = modified;
  }

  /**
   * Reads the header from a channel that the other side opened. A bad one is refused here.
   * @param {Channel} channel
   * @returns {Promise<IncomingFile | null>}
   */
  static async announced(channel) {
    try {
      const frame = await channel.receive({ timeoutMs: HEADER_TIMEOUT_MS });
      const header = frame === null ? null : decode(frame);
      const { type, name, size, mime = 'application/octet-stream', folder = [], modified_ms } = header ?? {};
      const isFolder = Array.isArray(folder) && folder.every((one) => typeof one === 'string');
      if (type === 'file' && typeof name === 'string' && isBytes(size) && typeof mime === 'string' && isFolder) {
        return new IncomingFile(channel, bareName(name), Number(size), mime, folder.map(bareName), modified_ms);
      }
      await refuse(channel, 'BAD_MESSAGE', 'A file begins with its header');
    } catch {
      channel.close(); // nothing came, or it closed: there is no file to speak of
    }
    return null;
  }

  /**
   * Takes it; to be called in the listener of the event. What arrived in an earlier attempt is not sent again.
   * @param {object} [options]
   * @param {FileSystemFileHandle} [options.to] where the content goes, written as it comes; what that file has already of this
   *   content stays, even over a reload of the page. Without it the content is in `blob`.
   * @param {number} [options.maxBytes]
   * @param {(receivedBytes: number, totalBytes: number) => void} [options.onProgress]
   * @param {AbortSignal} [options.signal]
   * @returns {Promise<ReceivedFile>} complete, its checksum compared
   * @throws {errors.FileError}
   */
  async accept(options = {}) {
    this.decided = true;
    const key = JSON.stringify([this.folder, this.name, this.size, this.#modified]);
    const earlier = underWay.get(key);
    if (earlier?.channel.state === 'closed') await earlier.taking.catch(() => {}); // it puts by what it has
    const taking = this.#take(key, options);
    const mine = { channel: this.#channel, taking };
    underWay.set(key, mine);
    try {
      return await taking;
    } finally {
      if (underWay.get(key) === mine) underWay.delete(key);
    }
  }

  /** @param {string} key @param {Parameters<IncomingFile['accept']>[0]} options @returns {Promise<ReceivedFile>} */
  async #take(key, { to, maxBytes = MAX_FILE_BYTES, onProgress = () => {}, signal } = {}) {
    /** @type {Pieces | null} */
    let pieces = null;
    try {
      if (this.size > maxBytes) this.#fail('TOO_BIG', `${this.size} bytes are more than the ${maxBytes} taken here`);
      pieces = await Pieces.take(key, this.size, to);
      if (!(await this.#begin(pieces, signal))) {
        await pieces.clear();
        if (!(await this.#begin(pieces, signal))) this.#fail('CHECKSUM_MISMATCH', 'That is not the hash of nothing');
      }
      const resumedAt = pieces.size;
      await this.#say({ type: 'progress', offset: resumedAt });
      await this.#content(pieces, onProgress, signal);
      const sha256 = pieces.hash.hex();
      const blob = await pieces.finish(this.mime);
      await this.#say({ type: 'received', size: this.size, sha256 });
      void this.#linger();
      return { blob, size: this.size, sha256, resumedAt, discard: pieces.discard.bind(pieces) };
    } catch (caught) {
      const error = caught instanceof DOMException && !signal?.aborted ? unwritable(caught) : caught;
      if (error instanceof errors.FileMismatch || error instanceof errors.FileUnwritable) {
        await refuse(this.#channel, /** @type {RefusalCode} */ (error.code), error.message);
      } else if (signal?.aborted) await refuse(this.#channel, 'CANCELLED', 'The receiver stopped');
      this.#channel.close();
      // Where even that fails, the next attempt begins at the start.
      await pieces?.keep(key).catch(() => {});
      throw error;
    }
  }

  /**
   * @param {RefusalCode} [code]
   * @param {string} [message] for the person at the other end
   */
  async refuse(code = 'NOT_WANTED', message = 'Not wanted') {
    this.decided = true;
    await refuse(this.#channel, code, message);
  }

  /**
   * Asks for what is missing. Resolves to whether the sender's content begins as ours does.
   * @param {Pieces} pieces @param {AbortSignal | undefined} signal
   */
  async #begin(pieces, signal) {
    await this.#say({ type: 'accepted', offset: pieces.size, window: WINDOW_BYTES });
    for (;;) {
      const { type, offset, sha256 } = decode(await this.#next(signal)) ?? {};
      if (type === 'checkpoint' && offset === pieces.size) return sha256 === pieces.hash.hex();
      if (type !== 'checking') this.#fail('BAD_MESSAGE', 'Expected a checkpoint');
    }
  }

  /**
   * @param {Pieces} pieces @param {(receivedBytes: number, totalBytes: number) => void} onProgress
   * @param {AbortSignal | undefined} signal
   */
  async #content(pieces, onProgress, signal) {
    while (pieces.size < this.size) {
      /** @type {Uint8Array<ArrayBuffer>[]} */
      const frames = [];
      const chunkBytes = Math.min(CHUNK_BYTES, this.size - pieces.size);
      for (let bytes = 0; ; ) {
        const frame = await this.#next(signal);
        if (typeof frame !== 'string') {
          bytes += frame.length;
          if (bytes > chunkBytes || frame.length === 0 || frame.length > FRAME_BYTES)
            this.#fail('SIZE_MISMATCH', 'More came than was announced');
          frames.push(/** @type {Uint8Array<ArrayBuffer>} */ (frame));
          continue;
        }
        const { type, offset, sha256 } = decode(frame) ?? {};
        if (type !== 'checkpoint') this.#fail('BAD_MESSAGE', 'Content is followed by a checkpoint');
        if (bytes !== chunkBytes || offset !== pieces.size + bytes)
          this.#fail('SIZE_MISMATCH', `${pieces.size + bytes} of ${this.size} bytes came`);
        if (!(await pieces.add(frames, String(sha256))))
          this.#fail('CHECKSUM_MISMATCH', 'The content differs from what was sent');
        break;
      }
      await this.#say({ type: 'progress', offset: pieces.size });
      onProgress(pieces.size, this.size);
    }
  }

  /** @param {AbortSignal | undefined} signal */
  async #next(signal) {
    const frame = await this.#channel.receive({ timeoutMs: IDLE_TIMEOUT_MS, signal });
    if (frame === null) throw new errors.FileInterrupted('FILE_INTERRUPTED', 'The sender stopped before the end');
    if (decode(frame)?.type === 'cancelled') throw new errors.FileInterrupted('CANCELLED', 'The sender gave up');
    return frame;
  }

  /** A sender that is gone is noticed by reading what it said before. @param {import('./file-format.js').FileControl} message */
  #say(message) {
    return this.#channel.send(encode(message)).catch(() => {});
  }

  /**
   * @param {RefusalCode} code @param {string} message
   * @returns {never}
   */
  #fail(code, message) {
    throw new errors.FileMismatch(code, message);
  }

  /** The sender closes the channel after the verdict; should it not, this side does. */
  async #linger() {
    await this.#channel.receive({ timeoutMs: LINGER_MS }).catch(() => {});
    this.#channel.close();
  }
}

/** The disk is full, or what was chosen cannot be written. @param {DOMException} cause */
function unwritable(cause) {
  const isFull = cause.name === 'QuotaExceededError';
  const words = isFull ? 'There is no room for the file' : `The file cannot be written: ${cause.message}`;
  return new errors.FileUnwritable(isFull ? 'NO_SPACE' : 'CANNOT_WRITE', words, { cause });
}

/** @param {Channel} channel @param {RefusalCode} code @param {string} message */
async function refuse(channel, code, message) {
  await channel.send(encode({ type: 'refused', code, message })).catch(() => {}); // the sender may be gone: as good
  channel.close();
}

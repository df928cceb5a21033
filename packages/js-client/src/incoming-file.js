/** A file that the other side is sending. */

import * as errors from './errors.js';
import { bareName, decode, encode } from './files.js';
import { Sha256 } from './sha256.js';

/** From the channel's opening to its first frame. */
export const HEADER_TIMEOUT_MS = 10_000;
/** Between two frames. */
export const IDLE_TIMEOUT_MS = 60_000;
/** For the sender to close the channel after the verdict. */
export const LINGER_MS = 10_000;
export const MAX_FILE_BYTES = 2 * 1024 ** 3;
/** Frames are joined into blobs of this size, which browsers keep on disk when there are many. */
const PIECE_BYTES = 8 * 1024 * 1024;

/** @typedef {import('./channel.js').Channel} Channel */
/** @typedef {'TOO_BIG' | 'CHECKSUM_MISMATCH' | 'SIZE_MISMATCH' | 'NOT_WANTED' | 'BAD_HEADER'} RefusalCode */
/** @typedef {{ blob: Blob, size: number, sha256: string }} ReceivedFile */

export class IncomingFile {
  /** Whether it was accepted or refused. */
  decided = false;
  #channel;

  /** @param {Channel} channel @param {string} name bare @param {number} size bytes @param {string} mime */
  constructor(channel, name, size, mime) {
    this.#channel = channel;
    this.name = name;
    this.size = size;
    this.mime = mime;
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
      const { type, name, size, mime = 'application/octet-stream' } = header ?? {};
      const isSize = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0;
      if (type === 'file' && typeof name === 'string' && isSize && typeof mime === 'string') {
        return new IncomingFile(channel, bareName(name), size, mime);
      }
      await refuse(channel, 'BAD_HEADER', 'A file begins with its header');
    } catch {
      channel.close(); // nothing came, or it closed: there is no file to speak of
    }
    return null;
  }

  /**
   * Takes it. The content does not wait for the decision, so this is called in the listener of the event.
   * @param {object} [options]
   * @param {number} [options.maxBytes]
   * @param {(receivedBytes: number, totalBytes: number) => void} [options.onProgress]
   * @param {AbortSignal} [options.signal]
   * @returns {Promise<ReceivedFile>} complete, its checksum compared
   * @throws {errors.FileError}
   */
  async accept({ maxBytes = MAX_FILE_BYTES, onProgress = () => {}, signal } = {}) {
    this.decided = true;
    try {
      if (this.size > maxBytes)
        await this.#fail('TOO_BIG', `${this.size} bytes are more than the ${maxBytes} taken here`);
      const file = await this.#content(onProgress, signal);
      await this.#channel.send(encode({ type: 'received', size: file.size, sha256: file.sha256 }));
      void this.#linger();
      return file;
    } catch (error) {
      this.#channel.close();
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
   * @param {(receivedBytes: number, totalBytes: number) => void} onProgress
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<ReceivedFile>}
   */
  async #content(onProgress, signal) {
    const hash = new Sha256();
    const content = new Pieces();
    for (;;) {
      const frame = await this.#channel.receive({ timeoutMs: IDLE_TIMEOUT_MS, signal });
      if (frame === null) throw new errors.FileInterrupted('FILE_INTERRUPTED', 'The sender stopped before the end');
      if (typeof frame === 'string') return this.#check(frame, content, hash.hex());
      content.add(frame);
      if (content.size > this.size) await this.#fail('SIZE_MISMATCH', 'More came than was announced');
      hash.update(frame);
      onProgress(content.size, this.size);
    }
  }

  /** @param {string} frame @param {Pieces} content @param {string} sha256 */
  async #check(frame, content, sha256) {
    const end = decode(frame);
    if (end?.type !== 'end') await this.#fail('BAD_HEADER', 'Content is followed by an end message');
    if (content.size !== this.size) await this.#fail('SIZE_MISMATCH', `${content.size} of ${this.size} bytes came`);
    if (end?.sha256 !== sha256) await this.#fail('CHECKSUM_MISMATCH', 'The content differs from what was sent');
    return { blob: content.blob(this.mime), size: this.size, sha256 };
  }

  /**
   * @param {RefusalCode} code @param {string} message
   * @returns {Promise<never>}
   */
  async #fail(code, message) {
    await refuse(this.#channel, code, message);
    throw new errors.FileMismatch(code, message);
  }

  /** The sender closes the channel after the verdict; should it not, this side does. */
  async #linger() {
    await this.#channel.receive({ timeoutMs: LINGER_MS }).catch(() => {});
    this.#channel.close();
  }
}

/** Content in the making. */
class Pieces {
  size = 0;
  /** @type {Blob[]} */
  #done = [];
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #recent = [];
  #recentBytes = 0;

  /** @param {Uint8Array} frame */
  add(frame) {
    this.size += frame.length;
    this.#recent.push(/** @type {Uint8Array<ArrayBuffer>} */ (frame));
    this.#recentBytes += frame.length;
    if (this.#recentBytes >= PIECE_BYTES) this.#join();
  }

  /** @param {string} mime */
  blob(mime) {
    this.#join();
    return new Blob(this.#done, { type: mime });
  }

  #join() {
    this.#done.push(new Blob(this.#recent));
    this.#recent = [];
    this.#recentBytes = 0;
  }
}

/** @param {Channel} channel @param {RefusalCode} code @param {string} message */
async function refuse(channel, code, message) {
  await channel.send(encode({ type: 'refused', code, message })).catch(() => {}); // the sender may be gone: as good
  channel.close();
}

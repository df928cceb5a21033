/** A file that is being sent. */

import * as errors from './errors.js';
import { CHUNK_BYTES, FRAME_BYTES, decode, encode, isBytes } from './file-format.js';
import { Sha256 } from './sha256.js';
import { deferred, within } from './waiting.js';

/** For the receiver to accept: a person may be asked. */
const DECISION_TIMEOUT_MS = 300_000;
/** For the receiver's next word after that. */
const STALL_TIMEOUT_MS = 60_000;
/** Offers of an offset that a receiver may make; the last is 0. */
const MAX_ACCEPTS = 3;
/** After hashing so much that the receiver has already, it is told that this goes on. */
const CHECKING_BYTES = 64 * CHUNK_BYTES;

/** @typedef {import('./channel.js').Channel} Channel */

/** One offer of a file, and what the receiver has said about it. */
export class OutgoingFile {
  #channel;
  #file;
  #onProgress;
  #signal;
  /** Aborted when the receiver refuses, or is gone. */
  #ended = new AbortController();
  #stop;
  #listening;
  #news = /** @type {ReturnType<typeof deferred<void>>} */ (deferred());
  #hash = new Sha256();
  #start = -1;
  #accepts = 0;
  #agreed = false;
  #window = 0;
  #sent = 0;
  #confirmed = 0;
  /** @type {Record<string, unknown> | null} */
  #receipt = null;

  /**
   * @param {Channel} channel @param {Blob} file
   * @param {(verifiedBytes: number, totalBytes: number) => void} onProgress @param {AbortSignal | undefined} signal
   */
  constructor(channel, file, onProgress, signal) {
    this.#channel = channel;
    this.#file = file;
    this.#onProgress = onProgress;
    this.#signal = signal;
    this.#stop = signal ? AbortSignal.any([signal, this.#ended.signal]) : this.#ended.signal;
    this.#listening = this.#listen();
  }

  /** @param {string} name @param {string[]} folder @returns {Promise<import('./sending.js').Receipt>} */
  async send(name, folder) {
    const { size, type } = this.#file;
    try {
      const modified = this.#file instanceof File ? { modified_ms: this.#file.lastModified } : {};
      const transfer_id = crypto.getRandomValues(new Uint32Array(4)).join('-');
      const mime = type || 'application/octet-stream';
      await this.#say({ type: 'file', name, size, mime, ...(folder.length > 0 && { folder }), ...modified, transfer_id });
      await this.#until(() => this.#start >= 0, DECISION_TIMEOUT_MS);
      do await this.#begin(this.#start);
      while (!this.#agreed || this.#sent !== this.#start);
      await this.#content();
      await this.#until(() => this.#receipt !== null);
    } catch (error) {
      // A refusal closes the channel too; it, not the close, is the reason.
      if (this.#channel.state === 'closed') await this.#listening;
      throw this.#ended.signal.aborted && !this.#signal?.aborted ? this.#ended.signal.reason : error;
    }
    const sha256 = this.#hash.hex();
    if (this.#receipt?.sha256 !== sha256 || this.#receipt.size !== size) {
      throw new errors.FileMismatch('CHECKSUM_MISMATCH', 'The other side received something else');
    }
    if (this.#start === size) this.#onProgress(size, size);
    return { size, sha256 };
  }

  /** Shows that the content before `start` is known. @param {number} start */
  async #begin(start) {
    this.#hash = new Sha256();
    for (let offset = 0; offset < start; offset += CHUNK_BYTES) {
      if (offset % CHECKING_BYTES === 0) await this.#say({ type: 'checking' });
      this.#hash.update((await this.#read(offset)).subarray(0, start - offset));
    }
    this.#sent = start;
    await this.#say({ type: 'checkpoint', offset: start, sha256: this.#hash.hex() });
    await this.#until(() => this.#agreed || this.#start !== start);
  }

  async #content() {
    const { size } = this.#file;
    let next = this.#read(this.#start);
    for (let offset = this.#start; offset < size; ) {
      const chunk = await next;
      const end = offset + chunk.length;
      next = this.#read(end); // while this one is on its way
      next.catch(() => {});
      await this.#until(() => end - this.#confirmed <= this.#window);
      this.#hash.update(chunk);
      for (let start = 0; start < chunk.length; start += FRAME_BYTES) {
        await this.#channel.send(chunk.subarray(start, start + FRAME_BYTES), { signal: this.#stop });
      }
      this.#sent = offset = end;
      await this.#say({ type: 'checkpoint', offset, sha256: this.#hash.hex() });
    }
    await this.#until(() => this.#confirmed === size);
  }

  async #listen() {
    try {
      for await (const frame of this.#channel) {
        this.#take(decode(frame) ?? {});
        this.#news.resolve();
        this.#news = deferred();
      }
      throw new errors.FileInterrupted('FILE_INTERRUPTED', 'The connection ended before the file was through');
    } catch (error) {
      this.#ended.abort(error);
    }
  }

  /** @param {Record<string, unknown>} message of the receiver */
  #take({ type, offset, window, code, message, size, sha256 }) {
    if (type === 'refused') {
      throw new errors.FileRefusedByPeer(String(code), `The other side refused the file: ${message || code}`);
    }
    if (type === 'checking') return;
    const at = isBytes(offset) ? Number(offset) : -1;
    if (type === 'accepted' && !this.#agreed && at >= 0 && at <= this.#file.size && ++this.#accepts <= MAX_ACCEPTS) {
      this.#start = this.#confirmed = at;
      this.#agreed = at === 0;
      this.#window = isBytes(window) ? Number(window) : 8 * CHUNK_BYTES;
    } else if (type === 'progress' && this.#start >= 0 && at >= this.#confirmed && at <= this.#sent) {
      this.#agreed = true;
      if (at > this.#confirmed) this.#onProgress((this.#confirmed = at), this.#file.size);
    } else if (type === 'received' && this.#agreed && this.#confirmed === this.#file.size) {
      this.#receipt = { size, sha256 };
    } else {
      throw new errors.FileMismatch('BAD_MESSAGE', 'The other side does not keep to the format');
    }
  }

  /** @param {import('./file-format.js').FileControl} message */
  #say(message) {
    return this.#channel.send(encode(message), { signal: this.#stop });
  }

  /** @param {() => boolean} holds @param {number} [ms] for which the receiver may be silent */
  async #until(holds, ms = STALL_TIMEOUT_MS) {
    const late = () => new errors.FileInterrupted('NO_RECEIPT', 'The other side says nothing any more');
    while (!holds()) await within(this.#news.promise, { ms, late, signal: this.#stop });
  }

  /** @param {number} offset @returns {Promise<Uint8Array<ArrayBuffer>>} the chunk that begins there */
  async #read(offset) {
    try {
      return new Uint8Array(await this.#file.slice(offset, offset + CHUNK_BYTES).arrayBuffer());
    } catch (cause) {
      throw new errors.FileUnreadable('FILE_UNREADABLE', 'The file changed or cannot be read any more', { cause });
    }
  }
}

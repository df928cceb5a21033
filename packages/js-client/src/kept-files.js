/** What has arrived of files, in chunks whose hash is right; kept in this page for when an interrupted one comes again. */

import { Sha256 } from './sha256.js';

/** Interrupted files that are kept; beyond it, the oldest goes. */
const MAX_KEPT = 4;
/** Chunks are joined into blobs of this size, which browsers keep on disk when there are many. */
const PIECE_BYTES = 8 * 1024 * 1024;

/** @type {Map<string, Pieces>} */
const kept = new Map();

export class Pieces {
  size = 0;
  hash = new Sha256();
  /** @type {Blob[]} */
  #done = [];
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #recent = [];
  #recentBytes = 0;

  /** What there is of that file, or nothing yet. It is its taker's alone. @param {string} key @returns {Pieces} */
  static take(key) {
    const pieces = kept.get(key) ?? new Pieces();
    kept.delete(key);
    return pieces;
  }

  /** Leaves it for later. @param {string} key */
  keep(key) {
    if (this.size > 0) kept.set(key, this);
    const [oldest] = kept.keys();
    if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
  }

  /**
   * Adds a chunk if everything up to its end has that hash.
   * @param {Uint8Array[]} frames @param {string} sha256
   * @returns {boolean}
   */
  add(frames, sha256) {
    const hash = this.hash.copy();
    for (const frame of frames) hash.update(frame);
    if (hash.hex() !== sha256) return false;
    this.hash = hash;
    for (const frame of /** @type {Uint8Array<ArrayBuffer>[]} */ (frames)) {
      this.#recent.push(frame);
      this.#recentBytes += frame.length;
      this.size += frame.length;
    }
    if (this.#recentBytes >= PIECE_BYTES) this.#join();
    return true;
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

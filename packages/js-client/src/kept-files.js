/** What has arrived of files, in chunks whose hash is right; kept in this page for when an interrupted one comes again. */

import { DiskFile } from './disk.js';
import { CHUNK_BYTES } from './file-format.js';
import { Sha256 } from './sha256.js';

/** Interrupted files that are kept; beyond it, the oldest goes. */
const MAX_KEPT = 4;
/** A file of up to this size stays in memory. */
export const MEMORY_BYTES = 4 * CHUNK_BYTES;
/** Where there is no disk, chunks are joined into blobs of this size, which browsers may move there by themselves. */
const PIECE_BYTES = 8 * CHUNK_BYTES;

/** @type {Map<string, Pieces>} */
const kept = new Map();

export class Pieces {
  size = 0;
  hash = new Sha256();
  #store;

  /** @param {DiskFile | Blobs} store */
  constructor(store) {
    this.#store = store;
  }

  /**
   * What there is of a file, or nothing yet. It is its taker's alone.
   * @param {string} key @param {number} size of all of it
   * @param {FileSystemFileHandle | undefined} to
   */
  static async take(key, size, to) {
    if (to !== undefined) return Pieces.#chosen(to, size);
    const pieces = kept.get(key);
    kept.delete(key);
    return pieces ?? new Pieces((size > MEMORY_BYTES && (await DiskFile.scratch())) || new Blobs());
  }

  /** What is in that file may be the beginning of this one. @param {FileSystemFileHandle} handle @param {number} size */
  static async #chosen(handle, size) {
    const there = await handle.getFile();
    const pieces = new Pieces(await DiskFile.chosen(handle));
    const end = there.size >= size ? size : there.size - (there.size % CHUNK_BYTES);
    for (; pieces.size < end; pieces.size = Math.min(pieces.size + CHUNK_BYTES, end)) {
      const chunk = there.slice(pieces.size, Math.min(pieces.size + CHUNK_BYTES, end));
      pieces.hash.update(new Uint8Array(await chunk.arrayBuffer()));
    }
    return pieces;
  }

  /** Leaves it for later. @param {string} key */
  async keep(key) {
    const isChosen = this.#store instanceof DiskFile && !this.#store.isOwn;
    if (isChosen && this.size > 0) return void (await this.#store.finish(this.size, ''));
    if (isChosen || this.size === 0) return void (await this.#store.discard());
    kept.set(key, this);
    const [oldest] = kept.keys();
    if (kept.size <= MAX_KEPT || oldest === undefined) return;
    const tooMany = kept.get(oldest);
    kept.delete(oldest);
    if (tooMany) await tooMany.discard();
  }

  /** Starts over. */
  async clear() {
    this.size = 0;
    this.hash = new Sha256();
    await this.#store.clear();
  }

  /**
   * Adds a chunk if everything up to its end has that hash.
   * @param {Uint8Array<ArrayBuffer>[]} frames @param {string} sha256
   */
  async add(frames, sha256) {
    const hash = this.hash.copy();
    for (const frame of frames) hash.update(frame);
    if (hash.hex() !== sha256) return false;
    await this.#store.write(this.size, frames);
    this.hash = hash;
    this.size += frames.reduce((bytes, frame) => bytes + frame.length, 0);
    return true;
  }

  /** All of it. @param {string} mime @returns {Promise<Blob>} */
  finish(mime) {
    return this.#store.finish(this.size, mime);
  }

  /** Nobody wants it any more. @returns {Promise<void>} */
  discard() {
    return this.#store.discard();
  }
}

/** Content in memory. */
class Blobs {
  /** @type {Blob[]} */
  #done = [];
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #recent = [];
  #recentBytes = 0;

  /** @param {number} _ @param {Uint8Array<ArrayBuffer>[]} frames */
  async write(_, frames) {
    for (const frame of frames) {
      this.#recent.push(frame);
      this.#recentBytes += frame.length;
    }
    if (this.#recentBytes >= PIECE_BYTES) this.#join();
  }

  async clear() {
    this.#done = [];
    this.#recent = [];
    this.#recentBytes = 0;
  }

  /** @param {number} _ @param {string} mime */
  async finish(_, mime) {
    this.#join();
    return new Blob(this.#done, { type: mime });
  }

  discard() {
    return this.clear();
  }

  #join() {
    this.#done.push(new Blob(this.#recent));
    this.#recent = [];
    this.#recentBytes = 0;
  }
}

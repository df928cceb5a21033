/** Messages that are larger than a frame may be, in pieces: see `heliograph_protocol.splitting`. Loaded when there is one. */

import { ChannelFormatError, FrameTooBig } from './errors.js';
import { HEADER_BYTES, HELLO } from './split-frames.js';

/** A frame of a split message, header included. Small enough that other channels get their turn in between. */
const FRAGMENT_BYTES = 64 * 1024;
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const MAX_JOINING_MESSAGES = 16;
const MAX_JOINING_BYTES = 2 * MAX_MESSAGE_BYTES;
const MIN_FRAGMENT_BYTES = 1024;
const [TEXT, BYTES, GIVEN_UP] = [1, 2, 3];

/** @typedef {import('./channel.js').Frame} Frame */
/** @typedef {{ kind: number, size: number, got: number, pieces: [number, Uint8Array][] }} Joining */

/** Both directions of one channel that splits. */
export class Splitting {
  #isReliable;
  #next = 0;
  /** @type {Map<number, Joining>} */
  #joining = new Map();

  /** On a channel that is not reliable, what stays incomplete is forgotten. @param {RTCDataChannelInit} init */
  constructor({ maxRetransmits, maxPacketLifeTime }) {
    this.#isReliable = maxRetransmits === undefined && maxPacketLifeTime === undefined;
  }

  /**
   * The frames of a message, and the one that says that the rest of it will not come.
   * @param {import('./channel.js').Sendable} message @param {number} limit of a frame
   */
  split(message, limit) {
    const bytes = typeof message === 'string' ? new TextEncoder().encode(message) : bytesOf(message);
    if (bytes.length > MAX_MESSAGE_BYTES || limit < HEADER_BYTES + MIN_FRAGMENT_BYTES) {
      const most = Math.min(limit, MAX_MESSAGE_BYTES);
      throw new FrameTooBig('FRAME_TOO_BIG', `${bytes.length} bytes; ${most} at most can be sent`);
    }
    const kind = typeof message === 'string' ? TEXT : BYTES;
    const number = this.#next++ >>> 0;
    const step = Math.min(FRAGMENT_BYTES, limit) - HEADER_BYTES;
    const starts = Array.from({ length: Math.ceil(bytes.length / step) }, (_, i) => i * step);
    /** @returns {Generator<Uint8Array<ArrayBuffer>>} */
    function* frames() {
      for (const at of starts) yield fragment(kind, number, bytes.length, at, bytes.subarray(at, at + step));
    }
    return { frames: frames(), giveUp: fragment(GIVEN_UP, number, 0, 0) };
  }

  /** @param {Uint8Array} frame that is a piece @returns {Frame | null} a message that is whole now @throws {ChannelFormatError} */
  take(frame) {
    if (frame.length < HEADER_BYTES) throw broken('A piece without a header');
    const view = new DataView(frame.buffer, frame.byteOffset);
    const kind = frame[8] ?? 0;
    const [number, size, offset] = [view.getUint32(9), view.getUint32(13), view.getUint32(17)];
    if (kind === TEXT || kind === BYTES) return this.#join(number, kind, size, offset, frame.subarray(HEADER_BYTES));
    if (kind !== GIVEN_UP || frame.length > HEADER_BYTES || size || offset) throw broken('A piece of no known kind');
    this.#joining.delete(number);
    return null;
  }

  /** @param {number} number @param {number} kind @param {number} size @param {number} offset @param {Uint8Array} content */
  #join(number, kind, size, offset, content) {
    const end = offset + content.length;
    const isShort = end < size && content.length < MIN_FRAGMENT_BYTES;
    const joining = this.#joining.get(number) ?? { kind, size, got: 0, pieces: [] };
    const isOther = size !== joining.size || kind !== joining.kind;
    if (size > MAX_MESSAGE_BYTES || content.length === 0 || end > size || isShort || isOther) {
      throw broken('A piece that is no part of a message');
    }
    joining.got += content.length;
    joining.pieces.push([offset, content]);
    this.#joining.set(number, joining);
    if (joining.got >= size) {
      this.#joining.delete(number);
      return whole(joining);
    }
    while (this.#joining.size > MAX_JOINING_MESSAGES || this.#bytes > MAX_JOINING_BYTES) {
      if (this.#isReliable) throw broken('Too much is incomplete');
      for (const [oldest] of [...this.#joining].slice(0, 1)) this.#joining.delete(oldest);
    }
    return null;
  }

  get #bytes() {
    return [...this.#joining.values()].reduce((sum, { got }) => sum + got, 0);
  }
}

/** @param {Joining} joining @returns {Frame} */
function whole({ kind, size, pieces }) {
  const all = new Uint8Array(size);
  let at = 0;
  for (const [offset, content] of pieces.sort(([a], [b]) => a - b)) {
    if (offset !== at) throw broken('Pieces overlap');
    all.set(content, at);
    at += content.length;
  }
  if (kind === BYTES) return all;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(all);
  } catch {
    throw broken('A text that is not UTF-8');
  }
}

/** @param {number} kind @param {number} number @param {number} size @param {number} offset @param {Uint8Array} [content] */
function fragment(kind, number, size, offset, content = new Uint8Array()) {
  const frame = new Uint8Array(HEADER_BYTES + content.length);
  const view = new DataView(frame.buffer);
  frame.set(HELLO);
  frame[8] = kind;
  [number, size, offset].forEach((value, i) => view.setUint32(9 + 4 * i, value));
  frame.set(content, HEADER_BYTES);
  return frame;
}

/** @param {Uint8Array<ArrayBuffer> | ArrayBuffer} data */
function bytesOf(data) {
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

/** @param {string} message */
function broken(message) {
  return new ChannelFormatError('CHANNEL_FORMAT', message);
}

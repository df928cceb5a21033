/** Texts over a channel, large ones in pieces: the format `heliograph.split.1`, of which RPC channels are made. */

import { ChannelClosed, ChannelFormatError, FrameTooBig } from './errors.js';
import { deferred, within } from './waiting.js';

const MAGIC = Uint8Array.of(0xf5, 0x48, 0x47, 0x73, 0x70, 0x6c, 0x69, 0x74);
const HEADER_BYTES = 21;
/** A frame of a split message, header included. Small enough that other channels get their turn in between. */
const FRAGMENT_BYTES = 64 * 1024;
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const MAX_JOINING_MESSAGES = 16;
const MAX_JOINING_BYTES = 2 * MAX_MESSAGE_BYTES;
const MIN_FRAGMENT_BYTES = 1024;
/** For the other side to say that it joins what is split. */
const HELLO_TIMEOUT_MS = 10_000;
const [HELLO, TEXT, , ABANDONED] = [0, 1, 2, 3];

/** @typedef {{ size: number, got: number, pieces: [number, Uint8Array][] }} Joining */

export class TextChannel {
  #channel;
  #greeted = deferred();
  #next = 0;
  /** @type {Map<number, Joining>} */
  #joining = new Map();

  /** @param {import('./channel.js').Channel} channel @param {boolean} isOpener */
  constructor(channel, isOpener) {
    this.#channel = channel;
    this.#greeted.promise.catch(() => {});
    if (isOpener) return;
    this.#greeted.resolve(undefined); // whoever opens such a channel joins what is split
    channel.send(fragment(HELLO, 0, 0, 0)).catch(() => {}); // it is closed: reading says so
  }

  /** @param {string} text @throws {FrameTooBig | ChannelClosed} */
  async send(text) {
    const bytes = new TextEncoder().encode(text);
    if (bytes.length > MAX_MESSAGE_BYTES) {
      throw new FrameTooBig('FRAME_TOO_BIG', `${bytes.length} bytes; ${MAX_MESSAGE_BYTES} at most can be sent`);
    }
    if (bytes.length <= FRAGMENT_BYTES) return this.#channel.send(text);
    const late = () => new FrameTooBig('FRAME_TOO_BIG', 'The other side takes no large messages');
    await within(this.#greeted.promise, { ms: HELLO_TIMEOUT_MS, late });
    const number = this.#next++ >>> 0;
    /** @type {Promise<void>[]} */
    const sent = [];
    for (let at = 0; at < bytes.length; at += FRAGMENT_BYTES - HEADER_BYTES) {
      const content = bytes.subarray(at, at + FRAGMENT_BYTES - HEADER_BYTES);
      sent.push(this.#channel.send(fragment(TEXT, number, bytes.length, at, content)));
    }
    await Promise.all(sent);
    return undefined;
  }

  /** Texts until the channel closes. @throws {ChannelFormatError} */
  async *[Symbol.asyncIterator]() {
    try {
      for await (const frame of this.#channel) {
        const text = typeof frame === 'string' ? frame : this.#take(frame);
        if (text !== null) yield text;
      }
    } finally {
      this.#greeted.reject(new ChannelClosed('CHANNEL_CLOSED', 'The channel is closed'));
      this.#channel.close();
    }
  }

  close() {
    this.#channel.close();
  }

  /** @param {Uint8Array} frame @returns {string | null} a text that is whole now */
  #take(frame) {
    if (frame.length < HEADER_BYTES || MAGIC.some((byte, i) => byte !== frame[i])) throw broken('Bytes where texts are sent');
    const view = new DataView(frame.buffer, frame.byteOffset);
    const [number, size, offset] = [view.getUint32(9), view.getUint32(13), view.getUint32(17)];
    const content = frame.subarray(HEADER_BYTES);
    if (frame[8] === HELLO) this.#greeted.resolve(undefined);
    else if (frame[8] === ABANDONED) this.#joining.delete(number);
    else if (frame[8] === TEXT) return this.#join(number, size, offset, content);
    else throw broken('Bytes where texts are sent');
    return null;
  }

  /** @param {number} number @param {number} size @param {number} offset @param {Uint8Array} content */
  #join(number, size, offset, content) {
    const end = offset + content.length;
    const isShort = end < size && content.length < MIN_FRAGMENT_BYTES;
    const joining = this.#joining.get(number) ?? { size, got: 0, pieces: [] };
    if (size > MAX_MESSAGE_BYTES || content.length === 0 || end > size || isShort || size !== joining.size) {
      throw broken('A piece that is no part of a message');
    }
    joining.got += content.length;
    joining.pieces.push([offset, content]);
    this.#joining.set(number, joining);
    const bytes = [...this.#joining.values()].reduce((sum, { got }) => sum + got, 0);
    if (this.#joining.size > MAX_JOINING_MESSAGES || bytes > MAX_JOINING_BYTES) throw broken('Too much is incomplete');
    if (joining.got < size) return null;
    this.#joining.delete(number);
    return whole(joining);
  }
}

/** @param {Joining} joining */
function whole({ size, pieces }) {
  const all = new Uint8Array(size);
  let at = 0;
  for (const [offset, content] of pieces.sort(([a], [b]) => a - b)) {
    if (offset !== at) throw broken('Pieces overlap');
    all.set(content, at);
    at += content.length;
  }
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
  frame.set(MAGIC);
  frame[8] = kind;
  [number, size, offset].forEach((value, i) => view.setUint32(9 + 4 * i, value));
  frame.set(content, HEADER_BYTES);
  return frame;
}

/** @param {string} message */
function broken(message) {
  return new ChannelFormatError('CHANNEL_FORMAT', message);
}

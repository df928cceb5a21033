/** A data channel that is awaited to send and iterated to receive. */

import { ChannelClosed, ChannelOverflow, FrameTooBig, ReceiveTimeout, SendStalled } from './errors.js';
import { Emitter, StateEvent } from './events.js';
import { utf8Length } from './utf8.js';
import { deferred, within } from './waiting.js';

/** `send` waits while more than this is on its way... */
export const HIGH_WATER_BYTES = 4 * 1024 * 1024;
/** ...until no more than this is. */
export const LOW_WATER_BYTES = 1024 * 1024;
/** A channel on which nothing at all moves for this long is stuck. */
export const STALL_TIMEOUT_MS = 30_000;
/** What may wait for its reader. WebRTC cannot hold a sender back, so beyond it the channel is closed. */
export const INBOX_BYTES = 64 * 1024 * 1024;
/** What a waiting frame costs beyond its content, so that the bound holds for a flood of empty ones too. */
const FRAME_OVERHEAD_BYTES = 64;

/** @typedef {string | Uint8Array} Frame text, or bytes */
/** @typedef {'connecting' | 'open' | 'closed'} ChannelState */
/** @typedef {Partial<{ highWaterBytes: number, lowWaterBytes: number, stallTimeoutMs: number, inboxBytes: number }>} ChannelOptions */

/**
 * Events: `state`.
 * @extends {Emitter<{ state: StateEvent<ChannelState> }>}
 */
export class Channel extends Emitter {
  #dc;
  #pc;
  #limits;
  #opened = /** @type {ReturnType<typeof deferred<void>>} */ (deferred());
  /** @type {Error | null} */
  #over = null;
  /** @type {Frame[]} */
  #inbox = [];
  #inboxBytes = 0;
  /** Wakes whoever waits for a frame, for room to send, or for the end. @type {Set<() => void>} */
  #waiters = new Set();
  /** Sends run one after another. @type {Promise<unknown>} */
  #lastSend = Promise.resolve();

  /** @param {RTCDataChannel} dc @param {RTCPeerConnection} pc @param {ChannelOptions} [limits] */
  constructor(dc, pc, limits = {}) {
    super();
    this.#dc = dc;
    this.#pc = pc;
    this.#limits = {
      highWaterBytes: HIGH_WATER_BYTES,
      lowWaterBytes: LOW_WATER_BYTES,
      stallTimeoutMs: STALL_TIMEOUT_MS,
      inboxBytes: INBOX_BYTES,
      ...limits,
    };
    this.#opened.promise.catch(() => {});
    dc.binaryType = 'arraybuffer';
    dc.bufferedAmountLowThreshold = this.#limits.lowWaterBytes;
    dc.addEventListener('open', () => this.#open());
    dc.addEventListener('message', ({ data }) => this.#receive(data));
    dc.addEventListener('bufferedamountlow', () => this.#wake());
    dc.addEventListener('close', () =>
      this.#end(new ChannelClosed('CHANNEL_CLOSED', `The channel ${dc.label} is closed`)),
    );
    if (dc.readyState === 'open') this.#open();
  }

  /** What it is for, as its opener says. @returns {string} */
  get label() {
    return this.#dc.label;
  }

  /** What is spoken on it, as its opener says; mostly nothing. */
  get protocol() {
    return this.#dc.protocol;
  }

  /** @returns {ChannelState} */
  get state() {
    const state = this.#dc.readyState;
    if (this.#over !== null || state === 'closing' || state === 'closed') return 'closed';
    return state;
  }

  /** Bytes that were sent and have not left this machine yet. */
  get bufferedAmount() {
    return this.#dc.bufferedAmount;
  }

  /** Resolves when it is open. @returns {Promise<void>} */
  get opened() {
    return this.#opened.promise;
  }

  /**
   * Sends one frame, after those sent before it. Resolves when there is room for more, which is not yet arrival.
   * @param {string | Uint8Array<ArrayBuffer> | ArrayBuffer} data
   * @param {{ signal?: AbortSignal | undefined }} [options]
   * @returns {Promise<void>}
   * @throws {ChannelClosed | FrameTooBig | SendStalled}
   */
  send(data, { signal } = {}) {
    const turn = this.#lastSend.then(() => this.#sendNow(data, signal));
    this.#lastSend = turn.catch(() => {});
    return turn;
  }

  /**
   * Resolves when everything sent has left this machine.
   * @param {{ signal?: AbortSignal | undefined }} [options]
   */
  async drained({ signal } = {}) {
    await this.#lastSend;
    while (this.#over === null && this.#dc.bufferedAmount > 0) {
      this.#dc.bufferedAmountLowThreshold = 0;
      await this.#progress(signal);
    }
    this.#dc.bufferedAmountLowThreshold = this.#limits.lowWaterBytes;
    if (this.#over !== null) throw this.#over;
  }

  /**
   * The next frame, or null when the channel is closed and everything that came has been read.
   * @param {{ timeoutMs?: number, signal?: AbortSignal | undefined }} [options] without `timeoutMs`, waits for as long as it is open
   * @returns {Promise<Frame | null>}
   */
  async receive({ timeoutMs, signal } = {}) {
    const until = timeoutMs === undefined ? Infinity : performance.now() + timeoutMs;
    while (this.#inbox.length === 0) {
      if (this.#over instanceof ChannelOverflow) throw this.#over;
      if (this.#over !== null) return null;
      await this.#news(
        until - performance.now(),
        signal,
        () => new ReceiveTimeout('RECEIVE_TIMEOUT', `Nothing came on ${this.label}`),
      );
    }
    const frame = /** @type {Frame} */ (this.#inbox.shift());
    this.#inboxBytes -= frame.length + FRAME_OVERHEAD_BYTES;
    return frame;
  }

  /** Frames until the channel closes. */
  async *[Symbol.asyncIterator]() {
    for (let frame = await this.receive(); frame !== null; frame = await this.receive()) yield frame;
  }

  /** Lets what is buffered go out, then closes. */
  close() {
    this.#dc.close();
    this.#end(new ChannelClosed('CHANNEL_CLOSED', `The channel ${this.label} was closed here`));
  }

  /** @param {string | Uint8Array<ArrayBuffer> | ArrayBuffer} data @param {AbortSignal | undefined} signal */
  async #sendNow(data, signal) {
    signal?.throwIfAborted();
    if (this.state === 'connecting') {
      await within(this.#opened.promise, { ms: this.#limits.stallTimeoutMs, late: () => this.#stalled(), signal });
    }
    const bytes = typeof data === 'string' ? utf8Length(data) : data.byteLength;
    const limit = this.#pc.sctp?.maxMessageSize ?? Infinity;
    if (bytes > limit)
      throw new FrameTooBig('FRAME_TOO_BIG', `A frame of ${bytes} bytes; the other side takes ${limit} at most`);
    if (this.#dc.bufferedAmount + bytes > this.#limits.highWaterBytes) {
      while (this.#over === null && this.#dc.bufferedAmount > this.#limits.lowWaterBytes) await this.#progress(signal);
    }
    if (this.#over !== null) throw this.#over;
    // The other side may have closed it, of which the event is still to come.
    if (this.#dc.readyState !== 'open') throw new ChannelClosed('CHANNEL_CLOSED', `The channel ${this.label} is closed`);
    this.#dc.send(/** @type {any} */ (data)); // the declared overloads do not take the union
  }

  /** Waits for news about the buffer; an error if it does not shrink at all. @param {AbortSignal | undefined} signal */
  async #progress(signal) {
    const before = this.#dc.bufferedAmount;
    try {
      await this.#news(this.#limits.stallTimeoutMs, signal, () => this.#stalled());
    } catch (error) {
      if (!(error instanceof SendStalled) || this.#dc.bufferedAmount >= before) throw error;
    }
  }

  /** @param {number} ms @param {AbortSignal | undefined} signal @param {() => Error} late */
  async #news(ms, signal, late) {
    /** @type {ReturnType<typeof deferred<void>>} */
    const woken = deferred();
    const wake = () => woken.resolve();
    this.#waiters.add(wake);
    try {
      if (ms === Infinity && !signal) await woken.promise;
      else await within(woken.promise, { ms: Math.min(ms, 0x7fff_ffff), late, signal });
    } finally {
      this.#waiters.delete(wake);
    }
  }

  #stalled() {
    return new SendStalled('SEND_STALLED', `Nothing left on ${this.label} for ${this.#limits.stallTimeoutMs / 1000} s`);
  }

  #open() {
    this.#opened.resolve();
    this.dispatchEvent(new StateEvent('open'));
  }

  /** @param {string | ArrayBuffer} data */
  #receive(data) {
    if (this.#over !== null) return;
    const frame = typeof data === 'string' ? data : new Uint8Array(data);
    this.#inboxBytes += frame.length + FRAME_OVERHEAD_BYTES;
    if (this.#inboxBytes > this.#limits.inboxBytes) {
      this.#inbox = [];
      this.#end(new ChannelOverflow('CHANNEL_OVERFLOW', `Nobody read ${this.label}, and too much came`));
      this.#dc.close();
      return;
    }
    this.#inbox.push(frame);
    this.#wake();
  }

  /** @param {Error} error */
  #end(error) {
    if (this.#over !== null) return;
    this.#over = error;
    this.#opened.reject(error);
    this.#wake();
    this.dispatchEvent(new StateEvent('closed', error));
  }

  #wake() {
    for (const wake of [...this.#waiters]) wake();
  }
}

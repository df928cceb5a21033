/** A data channel that is awaited to send and iterated to receive. */

import { ChannelClosed, ChannelFormatError, ChannelOverflow, FrameTooBig, ReceiveTimeout, SendStalled } from './errors.js';
import { Emitter, StateEvent } from './events.js';
import { JsonChannel } from './json-channel.js';
import { FILE_LABEL, initOf } from './labels.js';
import { splitting } from './late.js';
import { HELLO, isHello, isSplit, RPC_PROTOCOL, SPLITTING, WHOLE_BYTES } from './split-frames.js';
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
/** For the other side to say that it joins what is split. */
const HELLO_TIMEOUT_MS = 10_000;

/** @typedef {string | Uint8Array} Frame text, or bytes */
/** @typedef {string | Uint8Array<ArrayBuffer> | ArrayBuffer} Sendable */
/** @typedef {'connecting' | 'open' | 'closed'} ChannelState */
/** @typedef {Partial<{ highWaterBytes: number, lowWaterBytes: number, stallTimeoutMs: number, inboxBytes: number }>} ChannelOptions */

/**
 * Events: `state`. When the path to the peer is lost and another one is made, it is `connecting` again meanwhile, and what
 * is sent waits.
 * @extends {Emitter<{ state: StateEvent<ChannelState> }>}
 */
export class Channel extends Emitter {
  /** @type {RTCDataChannel} */
  #dc;
  /** @type {RTCPeerConnection} */
  #pc;
  #limits;
  #isSuspended = false;
  #hasOpened = false;
  #opened = /** @type {ReturnType<typeof deferred<void>>} */ (deferred());
  /** The other side has said that it joins what is split. */
  #greeted = /** @type {ReturnType<typeof deferred<void>>} */ (deferred());
  /** @type {import('./splitting.js').Splitting | null} */
  #splitting = null;
  /** What came while the part that joins it is still loaded. @type {Frame[] | null} */
  #unjoined = null;
  /** @type {Error | null} */
  #over = null;
  /** @type {Frame[]} */
  #inbox = [];
  #inboxBytes = 0;
  /** Wakes whoever waits for a frame, for room to send, or for the end. @type {Set<() => void>} */
  #waiters = new Set();
  /** Sends run one after another. @type {Promise<unknown>} */
  #lastSend = Promise.resolve();

  /** @param {RTCDataChannel} dc @param {RTCPeerConnection} pc @param {ChannelOptions} [limits] @param {boolean} [isOurs] opened here */
  constructor(dc, pc, limits = {}, isOurs = true) {
    super();
    this.isOurs = isOurs;
    this.#limits = {
      highWaterBytes: HIGH_WATER_BYTES,
      lowWaterBytes: LOW_WATER_BYTES,
      stallTimeoutMs: STALL_TIMEOUT_MS,
      inboxBytes: INBOX_BYTES,
      ...limits,
    };
    this.#dc = dc;
    this.#pc = pc;
    this.#listen(dc);
  }

  /** It goes on on another path. @param {RTCDataChannel} dc @param {RTCPeerConnection} pc */
  attach(dc, pc) {
    this.suspend();
    this.#dc = dc;
    this.#pc = pc;
    this.#isSuspended = false;
    for (const frame of this.#unjoined ?? []) this.#inboxBytes -= weight(frame);
    this.#splitting = this.#unjoined = null; // what was half sent or received starts anew
    this.#greeted = deferred();
    this.#listen(dc);
  }

  /** @param {RTCDataChannel} dc */
  #listen(dc) {
    for (const { promise } of [this.#opened, this.#greeted]) promise.catch(() => {}); // senders tell of it
    dc.binaryType = 'arraybuffer';
    dc.bufferedAmountLowThreshold = this.#limits.lowWaterBytes;
    /** @param {string} type @param {(event: any) => void} listener */
    const on = (type, listener) => dc.addEventListener(type, (event) => this.#isOn(dc) && listener(event));
    on('open', () => this.#open());
    on('message', ({ data }) => this.#receive(typeof data === 'string' ? data : new Uint8Array(data)));
    on('bufferedamountlow', () => this.#wake());
    on('close', () => this.#end(this.#closed('is closed')));
    if (dc.readyState === 'open') this.#open();
  }

  /** The path is lost, and another one is looked for. @returns {boolean} whether that is news */
  suspend() {
    if (this.#over !== null || this.#isSuspended) return false;
    this.#isSuspended = true;
    this.#greeted.resolve(); // whoever waits for that, or for room, waits for the next path
    this.#wake();
    if (this.#hasOpened) {
      this.#hasOpened = false;
      this.#opened = deferred();
      this.#opened.promise.catch(() => {});
      this.dispatchEvent(new StateEvent('connecting'));
    }
    return true;
  }

  /** What it was opened with. */
  get init() {
    return initOf(this.#dc);
  }

  /** What it is for, as its opener says. @returns {string} */
  get label() {
    return this.#dc.label;
  }

  /** What is spoken on it, as its opener says; mostly nothing. */
  get protocol() {
    return this.#dc.protocol;
  }

  /** Whether it has no format of its own, so that it may be the chat. */
  get isPlain() {
    return this.protocol !== RPC_PROTOCOL && this.label !== FILE_LABEL;
  }

  /** @returns {ChannelState} */
  get state() {
    const state = this.#isSuspended ? 'connecting' : this.#dc.readyState;
    return this.#over !== null || state === 'closing' ? 'closed' : state;
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
   * The same channel for JSON values in place of texts and bytes.
   * @template [T=any]
   * @param {(value: any) => T} [check] gets each value that arrives: what it returns is received, what it throws is thrown
   * @returns {JsonChannel<T>}
   */
  json(check) {
    return new JsonChannel(this, check);
  }

  /**
   * Sends a message, after those sent before it. Resolves when there is room for more, which is not yet arrival. One that is
   * larger than a frame may be goes in pieces, up to 16 MiB, if the channel's protocol is one of which the other side joins
   * them, as that of `openChannel` is.
   * @param {Sendable} data
   * @param {{ signal?: AbortSignal | undefined }} [options]
   * @returns {Promise<void>}
   * @throws {ChannelClosed | FrameTooBig | SendStalled}
   */
  send(data, { signal } = {}) {
    const turn = this.#lastSend.then(() => this.#sendNow(data, signal));
    this.#lastSend = turn.catch(() => {});
    return signal ? within(turn, { signal }) : turn;
  }

  /**
   * Resolves when everything sent has left this machine.
   * @param {{ signal?: AbortSignal | undefined }} [options]
   */
  async drained({ signal } = {}) {
    await within(this.#lastSend, { signal });
    while (this.#over === null && this.#dc.bufferedAmount > 0) {
      this.#dc.bufferedAmountLowThreshold = 0;
      await this.#progress(signal);
    }
    this.#dc.bufferedAmountLowThreshold = this.#limits.lowWaterBytes;
    if (this.#over !== null) throw this.#over;
  }

  /**
   * The next message, or null when the channel is closed and everything that came has been read.
   * @param {{ timeoutMs?: number, signal?: AbortSignal | undefined }} [options] without `timeoutMs`, waits for as long as it is open
   * @returns {Promise<Frame | null>}
   */
  async receive({ timeoutMs, signal } = {}) {
    const until = timeoutMs === undefined ? Infinity : performance.now() + timeoutMs;
    while (this.#inbox.length === 0) {
      if (this.#over instanceof ChannelOverflow || this.#over instanceof ChannelFormatError) throw this.#over;
      if (this.#over !== null) return null;
      await this.#news(
        until - performance.now(),
        signal,
        () => new ReceiveTimeout('RECEIVE_TIMEOUT', `Nothing came on ${this.label}`),
      );
    }
    const frame = /** @type {Frame} */ (this.#inbox.shift());
    this.#inboxBytes -= weight(frame);
    return frame;
  }

  /** Messages until the channel closes. */
  async *[Symbol.asyncIterator]() {
    for (let frame = await this.receive(); frame !== null; frame = await this.receive()) yield frame;
  }

  /** Lets what is buffered go out, then closes. @param {Error} [why] */
  close(why = this.#closed('was closed here')) {
    this.#dc.close();
    this.#end(why);
  }

  /** @param {Sendable} data @param {AbortSignal | undefined} signal */
  async #sendNow(data, signal) {
    signal?.throwIfAborted();
    const bytes = typeof data === 'string' ? utf8Length(data) : data.byteLength;
    const splits = SPLITTING.includes(this.protocol);
    for (let isSent = false; !isSent; ) {
      while (this.state === 'connecting') {
        await within(this.#opened.promise, { ms: 2 * this.#limits.stallTimeoutMs, late: () => this.#stalled(), signal });
      }
      const dc = this.#dc;
      const limit = this.#pc.sctp?.maxMessageSize ?? Infinity;
      if (splits && (bytes > Math.min(limit, WHOLE_BYTES) || isSplit(data))) isSent = await this.#sendSplit(dc, data, limit, signal);
      else if (bytes > limit) {
        throw new FrameTooBig('FRAME_TOO_BIG', `${bytes} bytes; ${limit} at most can be sent`);
      } else isSent = await this.#sendFrame(dc, data, signal, bytes);
    }
  }

  /** @param {RTCDataChannel} dc @param {Sendable} data @param {number} limit @param {AbortSignal | undefined} signal */
  async #sendSplit(dc, data, limit, signal) {
    const { Splitting } = await splitting();
    this.#splitting ??= new Splitting(this.init);
    const { frames, giveUp } = this.#splitting.split(data, limit);
    const late = () => new FrameTooBig('FRAME_TOO_BIG', 'The other side takes no large messages');
    await within(this.#greeted.promise, { ms: HELLO_TIMEOUT_MS, late, signal });
    try {
      for (const frame of frames) if (!(await this.#sendFrame(dc, frame, signal))) return false;
    } catch (error) {
      if (this.#isOn(dc) && dc.readyState === 'open') dc.send(giveUp); // or the other side would keep what it has
      throw error;
    }
    return true;
  }

  /**
   * @param {RTCDataChannel} dc @param {Sendable} data @param {AbortSignal | undefined} signal @param {number} [bytes]
   * @returns {Promise<boolean>} false if the path is another one meanwhile
   */
  async #sendFrame(dc, data, signal, bytes = /** @type {Uint8Array} */ (data).byteLength) {
    if (dc.bufferedAmount + bytes > this.#limits.highWaterBytes) {
      while (this.#over === null && this.#isOn(dc) && dc.bufferedAmount > this.#limits.lowWaterBytes) {
        await this.#progress(signal);
      }
    }
    if (this.#over !== null) throw this.#over;
    if (!this.#isOn(dc)) return false;
    // The other side may have closed it, of which the event is still to come.
    if (dc.readyState !== 'open') throw this.#closed('is closed');
    dc.send(/** @type {any} */ (data)); // the declared overloads do not take the union
    return true;
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
      await within(woken.promise, { ms, late, signal });
    } finally {
      this.#waiters.delete(wake);
    }
  }

  #stalled() {
    return new SendStalled('SEND_STALLED', `Nothing left on ${this.label} for ${this.#limits.stallTimeoutMs / 1000} s`);
  }

  /** @param {RTCDataChannel} dc */
  #isOn(dc) {
    return this.#dc === dc && !this.#isSuspended;
  }

  #open() {
    if (!this.isOurs) {
      this.#greeted.resolve(); // it was the opener who asked for splitting
      if (SPLITTING.includes(this.protocol)) this.#dc.send(HELLO);
    }
    this.#hasOpened = true;
    this.#opened.resolve();
    this.dispatchEvent(new StateEvent('open'));
  }

  /** @param {Frame} frame */
  #receive(frame) {
    if (this.#over !== null) return;
    /** @type {Frame | null} */
    let message = frame;
    if (this.#unjoined) {
      if (this.#fits(frame)) this.#unjoined.push(frame);
      return;
    }
    if (isSplit(frame) && SPLITTING.includes(this.protocol)) {
      if (isHello(frame)) return this.#greeted.resolve();
      if (this.#splitting === null) return void this.#join(frame);
      message = this.#taken(this.#splitting, frame);
    }
    if (message === null || !this.#fits(message)) return;
    this.#inbox.push(message);
    this.#wake();
  }

  /** Counts it; if that is too much, it is over. @param {Frame} frame */
  #fits(frame) {
    this.#inboxBytes += weight(frame);
    if (this.#inboxBytes <= this.#limits.inboxBytes) return true;
    this.#inbox = [];
    this.close(new ChannelOverflow('CHANNEL_OVERFLOW', `Nobody read ${this.label}, and too much came`));
    return false;
  }

  /** @param {import('./splitting.js').Splitting} splitting @param {Frame} frame */
  #taken(splitting, frame) {
    try {
      return splitting.take(/** @type {Uint8Array} */ (frame));
    } catch (error) {
      this.close(/** @type {Error} */ (error));
      return null;
    }
  }

  /** The first piece of a message. @param {Frame} first */
  async #join(first) {
    /** @type {Frame[]} */
    const unjoined = (this.#unjoined = []);
    this.#receive(first);
    try {
      const { Splitting } = await splitting();
      if (this.#unjoined !== unjoined) return; // on another path by now
      this.#splitting ??= new Splitting(this.init);
      this.#unjoined = null;
      for (const frame of unjoined) {
        this.#inboxBytes -= weight(frame);
        this.#receive(frame);
      }
    } catch (error) {
      this.close(/** @type {Error} */ (error));
    }
  }

  /** @param {string} how */
  #closed(how) {
    return new ChannelClosed('CHANNEL_CLOSED', `The channel ${this.label} ${how}`);
  }

  /** @param {Error} error */
  #end(error) {
    if (this.#over !== null) return;
    this.#over = error;
    this.#opened.reject(error);
    this.#greeted.reject(error);
    this.#wake();
    this.dispatchEvent(new StateEvent('closed', error));
  }

  #wake() {
    for (const wake of [...this.#waiters]) wake();
  }
}

/** @param {Frame} frame */
function weight(frame) {
  return frame.length + FRAME_OVERHEAD_BYTES;
}

/** Remote calls to the other side of a connection, and what becomes of them. */

import { ChannelFormatError, HeliographError, RpcError } from './errors.js';
import { utf8Length } from './utf8.js';
import { deferred, within } from './waiting.js';

export const CALL_TIMEOUT_MS = 60_000;
/** Calls of one connection that wait for their answers. */
export const MAX_OPEN_CALLS = 1024;
/** How much of a stream may be on its way, or wait here to be read; one part may go beyond. */
export const STREAM_CREDIT_BYTES = 1024 * 1024;

/** @typedef {import('./protocol.js').RpcCalleeFrame} RpcCalleeFrame */
/**
 * @typedef {object} CallOptions
 * @property {Record<string, unknown>} [named] arguments by name, for methods in languages that have such
 * @property {AbortSignal} [signal] cancels the method at the other side
 * @property {number} [timeoutMs] for the answer, or for each part of a stream; Infinity for any time
 */
/** @typedef {{ frame: RpcCalleeFrame, size: number }} Answer `size` is what it costs of the credit */
/** @typedef {{ answers: Answer[], wake: () => void, credit: number | null, read: number }} Open */

export class Calls {
  #open;
  #peerId;
  /** @type {import('./channel.js').Channel | null} */
  #channel = null;
  #nextId = 0;
  /** @type {Map<number, Open>} */
  #calls = new Map();

  /** @param {() => import('./channel.js').Channel} open @param {string} peerId */
  constructor(open, peerId) {
    this.#open = open;
    this.#peerId = peerId;
  }

  /** @param {string} method @param {unknown[]} args @param {CallOptions} options @returns {Promise<any>} */
  async call(method, args, options) {
    for await (const value of this.#answers(method, args, options, null)) return value;
    return undefined;
  }

  /** @param {string} method @param {unknown[]} args @param {CallOptions} options @returns {AsyncGenerator<any, void>} */
  stream(method, args, options) {
    return this.#answers(method, args, options, STREAM_CREDIT_BYTES);
  }

  /** @param {string} method @param {unknown[]} args @param {CallOptions} options @param {number | null} credit
   * @returns {AsyncGenerator<any, void>} */
  async *#answers(method, args, { named = {}, signal, timeoutMs = CALL_TIMEOUT_MS }, credit) {
    signal?.throwIfAborted();
    if (this.#calls.size >= MAX_OPEN_CALLS) throw this.#failed('TOO_MANY_CALLS', 'Too many calls wait for answers');
    const channel = this.#connect();
    const id = this.#nextId++;
    /** @type {Open} */
    const call = { answers: [], wake: () => {}, credit, read: 0 };
    this.#calls.set(id, call);
    const late = () => this.#failed('CALL_TIMEOUT', `No answer of ${method} in ${timeoutMs / 1000} s`);
    try {
      const stream = credit === null ? {} : { credit };
      const sending = channel.send(JSON.stringify({ type: 'call', id, method, args, kwargs: named, ...stream }));
      await within(sending, { ms: timeoutMs, late, signal });
      for (;;) {
        const { frame, size } = await within(this.#next(call), { ms: timeoutMs, late, signal });
        if (frame.type === 'end') return;
        if (frame.type === 'failure') throw this.#failed(frame.code, frame.message || frame.code);
        yield frame.value;
        if (frame.type === 'result') return;
        this.#read(id, call, size);
      }
    } finally {
      // Over by itself, unless it is still there: nobody waits for it any more.
      if (this.#calls.delete(id)) this.#say({ type: 'cancel', id });
    }
  }

  /** @param {Open} call @returns {Promise<Answer>} */
  async #next(call) {
    while (call.answers.length === 0) {
      /** @type {ReturnType<typeof deferred<void>>} */
      const woken = deferred();
      call.wake = () => woken.resolve();
      await woken.promise;
    }
    return /** @type {Answer} */ (call.answers.shift());
  }

  /** A part has been read, and there is room for as much again. @param {number} id @param {Open} call @param {number} size */
  #read(id, call, size) {
    call.read += size;
    if (!this.#calls.has(id) || call.credit === null || call.read < STREAM_CREDIT_BYTES / 2) return;
    call.credit += call.read;
    this.#say({ type: 'credit', id, credit: call.read });
    call.read = 0;
  }

  #connect() {
    if (this.#channel === null) {
      this.#channel = this.#open();
      void this.#listen(this.#channel);
    }
    return this.#channel;
  }

  /** @param {import('./channel.js').Channel} channel */
  async #listen(channel) {
    let why = 'The connection ended before the answer came';
    try {
      for await (const text of channel) this.#answered(text);
    } catch (error) {
      why = error instanceof Error ? error.message : why;
    }
    channel.close();
    if (this.#channel === channel) this.#channel = null;
    /** @type {RpcCalleeFrame} */
    const frame = { type: 'failure', id: 0, code: 'CALL_INTERRUPTED', message: why };
    for (const [id, call] of this.#calls) this.#deliver(id, call, { frame, size: 0 });
  }

  /** @param {import('./channel.js').Frame} text @throws {ChannelFormatError} */
  #answered(text) {
    const frame = parse(text);
    const call = this.#calls.get(frame.id);
    const isOfStream = frame.type === 'part' || frame.type === 'end';
    if (!['part', 'end', 'result', 'failure'].includes(frame.type) || frame.id >= this.#nextId) throw senseless();
    if (call === undefined) return;
    if (frame.type !== 'failure' && isOfStream !== (call.credit !== null)) throw senseless();
    const size = utf8Length(String(text));
    if (frame.type === 'part' && call.credit !== null) {
      if (call.credit <= 0) throw senseless();
      call.credit -= size;
    }
    this.#deliver(frame.id, call, { frame, size });
  }

  /** @param {number} id @param {Open} call @param {Answer} answer */
  #deliver(id, call, answer) {
    if (answer.frame.type !== 'part') this.#calls.delete(id);
    call.answers.push(answer);
    call.wake();
  }

  /** @param {import('./protocol.js').RpcCallerFrame} frame */
  #say(frame) {
    this.#channel?.send(JSON.stringify(frame)).catch(() => {}); // it is closed, and all calls are over
  }

  /** @param {string} code @param {string} message */
  #failed(code, message) {
    return new RpcError(code, message, this.#peerId);
  }
}

/** @param {import('./channel.js').Frame} text @returns {any} an object with an id @throws {ChannelFormatError} */
export function parse(text) {
  let frame = null;
  try {
    if (typeof text === 'string') frame = JSON.parse(text);
  } catch {
    throw senseless();
  }
  if (!Number.isSafeInteger(frame?.id) || frame.id < 0) throw senseless();
  return frame;
}

/** @returns {HeliographError} */
export function senseless() {
  return new ChannelFormatError('CHANNEL_FORMAT', 'A frame that makes no sense among calls');
}

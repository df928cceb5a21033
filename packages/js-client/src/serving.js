/** Answers to the calls of the other side. */

import { parse, senseless } from './calls.js';
import { RpcError } from './errors.js';
import { utf8Length } from './utf8.js';

/** Handlers that run at once for one connection. */
export const MAX_RUNNING_CALLS = 32;
/** Calls that wait for a handler to come to its end; those beyond are refused. */
export const MAX_WAITING_CALLS = 128;
const MAX_CREDIT_BYTES = 2 ** 30;

/** @typedef {import('./protocol.js').RpcCall} RpcCall */
/**
 * @typedef {object} CallContext
 * @property {Record<string, any>} named arguments by name
 * @property {AbortSignal} signal aborts when nobody waits for the answer any more
 * @property {import('./connection.js').Connection} connection of the caller
 */
/**
 * Answers a call with what it returns, or throws an `RpcError` whose code and message travel. One that is an async
 * generator function streams its results.
 * @typedef {(args: any[], context: CallContext) => any} Handler
 */
/** @typedef {{ call: RpcCall, credit: number, stop: AbortController, wake: () => void }} Running */

export class Serving {
  #channel;
  #find;
  #connection;
  #lastId = -1;
  /** @type {Map<number, Running>} */
  #running = new Map();
  /** @type {Running[]} */
  #waiting = [];

  /**
   * @param {import('./channel.js').Channel} channel that the other side opened
   * @param {(method: string) => Handler | undefined} find
   * @param {import('./connection.js').Connection} connection
   */
  constructor(channel, find, connection) {
    this.#channel = channel;
    this.#find = find;
    this.#connection = connection;
    void this.#listen();
  }

  close() {
    this.#channel.close();
  }

  async #listen() {
    try {
      for await (const text of this.#channel) this.#take(parse(text));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error; // it broke the format, and the channel is closed
    } finally {
      this.#channel.close();
      this.#waiting = [];
      for (const running of this.#running.values()) this.#stop(running);
    }
  }

  /** @param {any} frame */
  #take(frame) {
    if (frame.type === 'call') return this.#called(frame);
    const running = this.#running.get(frame.id) ?? this.#waiting.find(({ call }) => call.id === frame.id);
    if (frame.type === 'cancel') {
      this.#waiting = this.#waiting.filter((each) => each !== running);
      if (running) this.#stop(running);
    } else if (frame.type === 'credit' && Number.isSafeInteger(frame.credit) && frame.credit >= 0) {
      if (!running) return; // it is over
      running.credit += frame.credit;
      if (running.call.credit === undefined || running.credit > MAX_CREDIT_BYTES) throw senseless();
      running.wake();
    } else throw senseless();
  }

  /** @param {RpcCall} call */
  #called(call) {
    const { id, method, args = [], kwargs = {}, credit } = call;
    const isCredit = credit === undefined || (Number.isSafeInteger(credit) && credit >= 0 && credit <= MAX_CREDIT_BYTES);
    if (id <= this.#lastId || typeof method !== 'string' || !Array.isArray(args) || Object(kwargs) !== kwargs || !isCredit) {
      throw senseless();
    }
    this.#lastId = id;
    const running = { call, credit: credit ?? 0, stop: new AbortController(), wake: () => {} };
    if (this.#running.size < MAX_RUNNING_CALLS) void this.#run(running);
    else if (this.#waiting.length < MAX_WAITING_CALLS) this.#waiting.push(running);
    else void this.#say({ type: 'failure', id, code: 'TOO_MANY_CALLS', message: 'Too many calls run and wait already' });
  }

  /** @param {Running} running */
  async #run(running) {
    const { call, stop } = running;
    this.#running.set(call.id, running);
    try {
      const last = await this.#answer(running);
      if (!stop.signal.aborted) await this.#say(last);
    } catch (error) {
      if (!stop.signal.aborted) await this.#say({ type: 'failure', id: call.id, ...failure(error) });
    } finally {
      this.#running.delete(call.id);
      const next = this.#waiting.shift();
      if (next) void this.#run(next);
    }
  }

  /** @param {Running} running @returns {Promise<import('./protocol.js').RpcCalleeFrame>} the last frame */
  async #answer(running) {
    const { call, stop } = running;
    const { id, method, args = [], kwargs: named = {} } = call;
    const handler = this.#find(method);
    if (handler === undefined) throw new RpcError('METHOD_NOT_FOUND', `There is no method ${method}`);
    const streams = Object.prototype.toString.call(handler) === '[object AsyncGeneratorFunction]';
    if (streams !== (call.credit !== undefined)) {
      throw new RpcError('WRONG_KIND', `${method} ${streams ? 'streams its results' : 'has one result'}`);
    }
    const answer = handler(args, { named, signal: stop.signal, connection: this.#connection });
    if (!streams) return { type: 'result', id, value: (await answer) ?? null };
    for await (const value of answer) {
      while (running.credit <= 0 && !stop.signal.aborted) {
        await new Promise((resolve) => (running.wake = () => resolve(undefined)));
      }
      if (stop.signal.aborted) break;
      const part = JSON.stringify({ type: 'part', id, value: value ?? null });
      running.credit -= utf8Length(part);
      await this.#channel.send(part);
    }
    return { type: 'end', id };
  }

  /** Nobody waits for it. @param {Running} running */
  #stop(running) {
    running.stop.abort(new RpcError('CALL_CANCELLED', 'The caller no longer waits'));
    running.wake();
  }

  /** @param {import('./protocol.js').RpcCalleeFrame} frame */
  async #say(frame) {
    try {
      await this.#channel.send(JSON.stringify(frame));
    } catch (error) {
      // Too big is for the caller to know; on a channel that is closed all calls are over.
      if (frame.type !== 'failure') await this.#say({ type: 'failure', id: frame.id, ...failure(error) });
    }
  }
}

/** What the caller is told. Of an error that is not meant for it, only that there was one. @param {unknown} error */
function failure(error) {
  if (error instanceof RpcError) return { code: error.code, message: error.message };
  globalThis.reportError(error);
  return { code: 'HANDLER_FAILED', message: 'The method failed' };
}

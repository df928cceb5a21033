/** What a connection can do with remote calls, in both directions. */

import { Calls } from './calls.js';
import { Emitter } from './events.js';
import { Serving } from './serving.js';

export const RPC_LABEL = 'rpc';
export const RPC_PROTOCOL = 'heliograph.rpc.1';

/** @typedef {import('./calls.js').CallOptions} CallOptions */
/** @typedef {import('./serving.js').Handler} Handler */

/**
 * @template {{ [type: string]: Event }} Events
 * @extends {Emitter<Events>}
 */
export class RemoteCalls extends Emitter {
  #methods = /** @type {Map<string, Handler>} */ (new Map());
  #common;
  #calls;
  /** @type {Serving | null} */
  #serving = null;

  /**
   * @param {string} peerId
   * @param {(label: string, options: { protocol: string }) => import('./channel.js').Channel} open
   * @param {ReadonlyMap<string, Handler>} [common] methods of every connection
   */
  constructor(peerId, open, common = new Map()) {
    super();
    this.#common = common;
    this.#calls = new Calls(() => open(RPC_LABEL, { protocol: RPC_PROTOCOL }), peerId);
  }

  /**
   * Calls a method of the other side.
   * @param {string} method
   * @param {unknown[]} [args] any JSON
   * @param {CallOptions} [options]
   * @returns {Promise<any>}
   * @throws {import('./errors.js').RpcError | import('./errors.js').ChannelError | import('./errors.js').ConnectionClosed}
   */
  call(method, args = [], options = {}) {
    return this.#calls.call(method, args, options);
  }

  /**
   * Calls a method that streams its results: `for await (const part of connection.stream('train', [spec]))`. A loop that
   * reads slowly slows the method down; one that is left cancels it.
   * @param {string} method
   * @param {unknown[]} [args]
   * @param {CallOptions} [options]
   * @returns {AsyncGenerator<any, void>}
   */
  stream(method, args = [], options = {}) {
    return this.#calls.stream(method, args, options);
  }

  /** Answers calls of a method, on this connection alone. @param {string} method @param {Handler} handler */
  serve(method, handler) {
    this.#methods.set(method, handler);
  }

  /** The other side has one channel of calls at a time. @param {import('./channel.js').Channel} channel */
  answerCalls(channel) {
    this.#serving?.close();
    const find = (/** @type {string} */ method) => this.#methods.get(method) ?? this.#common.get(method);
    this.#serving = new Serving(channel, find, /** @type {any} */ (this));
  }
}

/** What a connection can do with remote calls, in both directions. */

import { Emitter } from './events.js';
import { rpc } from './late.js';
import { RPC_PROTOCOL } from './split-frames.js';

export const RPC_LABEL = 'rpc';

/** @typedef {import('./calls.js').CallOptions} CallOptions */
/** @typedef {import('./serving.js').Handler} Handler */

/**
 * @template {{ [type: string]: Event }} Events
 * @extends {Emitter<Events>}
 */
export class RemoteCalls extends Emitter {
  #methods = /** @type {Map<string, Handler>} */ (new Map());
  #common;
  #open;
  /** @type {import('./calls.js').Calls | null} */
  #calls = null;
  /** @type {import('./serving.js').Serving | null} */
  #serving = null;

  /**
   * @param {string} peerId
   * @param {(label: string, options: { protocol: string }) => import('./channel.js').Channel} open
   * @param {ReadonlyMap<string, Handler>} [common] methods of every connection
   */
  constructor(peerId, open, common = new Map()) {
    super();
    this.peerId = peerId;
    this.#common = common;
    this.#open = open;
  }

  /**
   * Calls a method of the other side.
   * @param {string} method
   * @param {unknown[]} [args] any JSON
   * @param {CallOptions} [options]
   * @returns {Promise<any>}
   * @throws {import('./errors.js').RpcError | import('./errors.js').ChannelError | import('./errors.js').ConnectionClosed}
   */
  async call(method, args = [], options = {}) {
    return (await this.#ready()).call(method, args, options);
  }

  /**
   * Calls a method that streams its results: `for await (const part of connection.stream('train', [spec]))`. A loop that
   * reads slowly slows the method down; one that is left cancels it.
   * @param {string} method
   * @param {unknown[]} [args]
   * @param {CallOptions} [options]
   * @returns {AsyncGenerator<any, void>}
   */
  async *stream(method, args = [], options = {}) {
    yield* (await this.#ready()).stream(method, args, options);
  }

  /** Answers calls of a method, on this connection alone. @param {string} method @param {Handler} handler */
  serve(method, handler) {
    this.#methods.set(method, handler);
  }

  /** The other side has one channel of calls at a time. @param {import('./channel.js').Channel} channel */
  async answerCalls(channel) {
    try {
      const { Serving } = await rpc();
      this.#serving?.close();
      const find = (/** @type {string} */ method) => this.#methods.get(method) ?? this.#common.get(method);
      this.#serving = new Serving(channel, find, /** @type {any} */ (this));
    } catch (error) {
      channel.close(/** @type {Error} */ (error));
    }
  }

  async #ready() {
    const { Calls } = await rpc();
    return (this.#calls ??= new Calls(() => this.#open(RPC_LABEL, { protocol: RPC_PROTOCOL }), this.peerId));
  }
}

/** One WebSocket to the server, from opening through registration to its close. */

import { ReplyTimeout, ServerUnreachable, SignalingDown } from './errors.js';
import { Emitter, RefusalEvent, SignalEvent, StateEvent } from './events.js';
import { closure, refusal } from './refusals.js';
import { deferred, within } from './waiting.js';

export const OPEN_TIMEOUT_MS = 10_000;
export const REPLY_TIMEOUT_MS = 10_000;
/** A browser cannot send WebSocket pings, so a dead connection is found by asking. */
export const KEEPALIVE_MS = 20_000;

/** @typedef {import('./protocol.js').ClientMessage} ClientMessage */
/** @typedef {import('./protocol.js').ServerMessage} ServerMessage */
/** @typedef {import('./protocol.js').Register} Register */
/** @typedef {import('./protocol.js').RegisteredAuth} RegisteredAuth */
/**
 * What peers say to each other through the server.
 * @typedef {import('./protocol.js').Offer | import('./protocol.js').Answer | import('./protocol.js').Candidate
 *   | import('./protocol.js').Quit | import('./protocol.js').ErrorMessage} PeerSignal
 */
/**
 * @typedef {object} SocketOptions
 * @property {typeof globalThis.WebSocket} [WebSocket]
 * @property {number} [openTimeoutMs]
 * @property {number} [replyTimeoutMs]
 * @property {number} [keepaliveMs]
 */

/**
 * Events: `signal`, `refusal`, and `state` (`closed`, once, with the error that says why).
 * @extends {Emitter<{ signal: SignalEvent, refusal: RefusalEvent, state: StateEvent<'closed'> }>}
 */
export class SignalingSocket extends Emitter {
  /** @type {WebSocket} */
  #ws;
  #replyTimeoutMs;
  /** @type {ReturnType<typeof deferred<RegisteredAuth>> | null} */
  #registering = null;
  /** Replies to `query` carry no reference; they come in the order of the questions.
   * @type {ReturnType<typeof deferred<string[]>>[]} */
  #queries = [];
  #keepalive = 0;
  #heard = true;
  #closed = false;

  /** @param {WebSocket} ws open @param {SocketOptions} options */
  constructor(ws, { replyTimeoutMs = REPLY_TIMEOUT_MS, keepaliveMs = KEEPALIVE_MS }) {
    super();
    this.#ws = ws;
    this.#replyTimeoutMs = replyTimeoutMs;
    ws.addEventListener('message', (event) => this.#receive(event.data));
    ws.addEventListener('close', (event) => this.#end(closure(event.code)));
    this.#keepalive = setInterval(() => this.#checkAlive(), keepaliveMs);
  }

  /**
   * @param {string} url `ws:` or `wss:`
   * @param {SocketOptions & { signal?: AbortSignal | undefined }} [options]
   * @returns {Promise<SignalingSocket>}
   * @throws {ServerUnreachable}
   */
  static async open(url, { signal, ...options } = {}) {
    const { WebSocket = globalThis.WebSocket, openTimeoutMs = OPEN_TIMEOUT_MS } = options;
    const unreachable = () => new ServerUnreachable(`No WebSocket to ${new URL(url).host}`);
    const ws = new WebSocket(url);
    const opened = new Promise((resolve, reject) => {
      ws.addEventListener('open', resolve);
      ws.addEventListener('close', () => reject(unreachable()));
    });
    try {
      await within(opened, { ms: openTimeoutMs, late: unreachable, signal });
    } catch (error) {
      ws.close();
      throw error;
    }
    return new SignalingSocket(ws, options);
  }

  /**
   * May be called again after a refusal: the socket stays open for another try.
   * @param {Register} message
   * @param {AbortSignal} [signal]
   * @returns {Promise<RegisteredAuth>}
   */
  async register(message, signal) {
    this.#registering = deferred();
    this.send(message);
    return within(this.#registering.promise, {
      ms: this.#replyTimeoutMs,
      late: () => new ReplyTimeout('register', this.#replyTimeoutMs),
      signal,
    });
  }

  /**
   * @param {AbortSignal} [signal]
   * @returns {Promise<string[]>} ids of everyone in the room, this peer included
   */
  async query(signal) {
    /** @type {ReturnType<typeof deferred<string[]>>} */
    const waiting = deferred();
    this.#queries.push(waiting);
    waiting.promise.catch(() => {});
    this.send({ type: 'query' });
    const late = () => {
      // An unanswered question would shift every later answer; a server that is silent this long is gone anyway.
      const error = new ReplyTimeout('query', this.#replyTimeoutMs);
      this.#drop(error);
      return error;
    };
    return within(waiting.promise, { ms: this.#replyTimeoutMs, late, signal });
  }

  /** @param {ClientMessage} message @throws {SignalingDown} */
  send(message) {
    if (this.#closed || this.#ws.readyState !== this.#ws.OPEN) throw new SignalingDown();
    this.#ws.send(JSON.stringify(message));
  }

  /** Says goodbye; no `state` event follows. */
  close() {
    this.#closed = true;
    this.#forget(new SignalingDown());
    this.#ws.close(1000);
  }

  /** @param {unknown} data */
  #receive(data) {
    this.#heard = true;
    const message = this.#closed ? null : decode(data);
    switch (message?.type) {
      case 'registered_auth':
        this.#registering?.resolve(message);
        this.#registering = null;
        break;
      case 'available_peers':
        this.#queries.shift()?.resolve(message.peers);
        break;
      case 'offer':
      case 'answer':
      case 'candidate':
      case 'quit':
        this.dispatchEvent(new SignalEvent(message));
        break;
      case 'error':
        this.#refused(message);
        break;
      default: // `pong` has said all it has to say by arriving; unknown types are for newer clients
    }
  }

  /** @param {import('./protocol.js').ErrorMessage} message */
  #refused(message) {
    if (typeof message.sender === 'string') {
      this.dispatchEvent(new SignalEvent(message));
      return;
    }
    const error = refusal(message);
    if (this.#registering !== null) {
      this.#registering.reject(error);
      this.#registering = null;
    } else if (message.ref === undefined && this.#queries.length > 0) {
      this.#queries.shift()?.reject(error);
    } else {
      this.dispatchEvent(new RefusalEvent(message.ref, error));
    }
  }

  #checkAlive() {
    if (!this.#heard) return this.#drop(new ReplyTimeout('ping', this.#replyTimeoutMs));
    this.#heard = false;
    if (this.#ws.readyState === this.#ws.OPEN) this.send({ type: 'ping' });
    return undefined;
  }

  /** Gives the socket up without waiting for its close, which can take minutes on a dead network.
   * @param {Error} error */
  #drop(error) {
    this.#end(error);
    this.#ws.close();
  }

  /** @param {Error} error */
  #end(error) {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget(error);
    this.dispatchEvent(new StateEvent('closed', error));
  }

  /** @param {Error} error */
  #forget(error) {
    clearInterval(this.#keepalive);
    this.#registering?.reject(error);
    for (const waiting of this.#queries.splice(0)) waiting.reject(error);
  }
}

/**
 * @param {unknown} data
 * @returns {ServerMessage | null} null for what is no message at all
 */
function decode(data) {
  if (typeof data !== 'string') return null;
  try {
    const value = JSON.parse(data);
    return typeof value === 'object' && value !== null && typeof value.type === 'string' ? value : null;
  } catch {
    return null;
  }
}

/** One WebSocket to the server. */

import { ReplyTimeout, ServerUnreachable } from './errors.js';
import { closure } from './refusals.js';
import { within } from './waiting.js';

export const OPEN_TIMEOUT_MS = 10_000;
export const REPLY_TIMEOUT_MS = 10_000;
/** A browser cannot send WebSocket pings, so a dead connection is found by asking. */
export const KEEPALIVE_MS = 20_000;

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

export class SignalingSocket {
  /** Called with each frame. @type {(frame: string) => void} */
  onframe = () => {};
  /** Called once, with the reason, unless it was closed here. @type {(error: Error) => void} */
  onclose = () => {};
  /** Called to have the server say something. */
  onquiet = () => {};
  #ws;
  #keepalive = 0;
  #heard = true;
  #closed = false;

  /** @param {WebSocket} ws open @param {SocketOptions} options */
  constructor(ws, { keepaliveMs = KEEPALIVE_MS }) {
    this.#ws = ws;
    ws.addEventListener('message', ({ data }) => this.#receive(data));
    ws.addEventListener('close', ({ code }) => this.#end(closure(code)));
    this.#keepalive = setInterval(() => this.#checkAlive(keepaliveMs), keepaliveMs);
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

  /** What is sent over a socket that is closing is lost, as on a network that breaks. @param {string} frame */
  send(frame) {
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.send(frame);
  }

  /** Sends what it has and closes. */
  close() {
    this.#stop();
    this.#ws.close(1000);
  }

  /** @param {unknown} data */
  #receive(data) {
    this.#heard = true;
    if (!this.#closed && typeof data === 'string') this.onframe(data);
  }

  /** @param {number} ms since the last look */
  #checkAlive(ms) {
    if (this.#heard) {
      this.#heard = false;
      this.onquiet();
    } else this.giveUp(ms);
  }

  /** Nothing came. Its close is not waited for, which can take minutes on a dead network. @param {number} ms for so long */
  giveUp(ms) {
    this.#end(new ReplyTimeout('ping', ms));
    this.#ws.close();
  }

  /** @param {Error} error */
  #end(error) {
    if (this.#closed) return;
    this.#stop();
    this.onclose(error);
  }

  #stop() {
    this.#closed = true;
    clearInterval(this.#keepalive);
  }
}

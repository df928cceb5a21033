/** This peer's place in a room: registers, carries frames, and comes back by itself when the socket drops. */

import { delayMs, SHAKY_ATTEMPTS } from './backoff.js';
import { Core } from './core.js';
import * as errors from './errors.js';
import { Emitter, StateEvent } from './events.js';
import { REPLY_TIMEOUT_MS, SignalingSocket } from './socket.js';
import { pause, within } from './waiting.js';

/** How long a lost connection is tried again before giving up. */
export const RECONNECT_WINDOW_MS = 600_000;
/** How long a connection has to last before the next drop counts as the first. */
export const SETTLED_AFTER_MS = 30_000;

/** Attempts at a peer id that is taken: the server misses our own dead socket after 45 s at most. */
export const TAKEN_ATTEMPTS = 12;

/** After these there is no use in coming back with the same words. */
const FINAL = [
  errors.Replaced,
  errors.Removed,
  errors.InvalidRoomToken,
  errors.InvalidIdToken,
  errors.RoomNotFound,
  errors.RoomExpired,
  errors.InvalidMessage,
  errors.NotPermitted,
];

/**
 * @typedef {import('./socket.js').SocketOptions & {
 *   random?: (() => number) | undefined,
 *   reconnectWindowMs?: number,
 *   network?: EventTarget,
 * }} SignalingOptions
 * `network` fires `online`, or `visibilitychange`, when it is worth trying again or asking at once
 */
/** @typedef {'connecting' | 'online' | 'reconnecting' | 'closed'} SignalingState */

/**
 * Events: `state` on every change.
 * @extends {Emitter<{ state: StateEvent<SignalingState> }>}
 */
export class Signaling extends Emitter {
  /** @type {SignalingState} */
  state = 'connecting';
  /** Why it is not online. @type {Error | null} */
  error = null;
  core;
  /** Whether the last registration went back into the session that there was. */
  resumed = false;
  /** Where the device tells that it is online, or looked at. @type {EventTarget} */
  network;
  #identity;
  #options;
  /** The present one. @type {SignalingSocket | null} */
  socket = null;
  #leaving = new AbortController();
  #attempt = 0;
  #onlineSince = 0;
  #timer = 0;

  /**
   * @param {import('./core.js').Registration} me
   * @param {import('./identity.js').Identity} identity
   * @param {Omit<import('./core.js').Ear, 'wake'>} ear
   * @param {SignalingOptions} [options]
   * @param {import('./core.js').Ticket | null} [ticket] of a session in an earlier page
   */
  constructor(me, identity, ear, options = {}, ticket = null) {
    super();
    this.#identity = identity;
    this.#options = options;
    this.network = options.network ?? globalThis;
    this.core = new Core(me, { ...ear, wake: () => this.#pump() }, ticket);
  }

  /**
   * Connects and registers for the first time. Any failure is final; only later ones are tried again.
   * @param {AbortSignal} [signal]
   * @returns {Promise<void>}
   */
  async open(signal) {
    const stop = signal ? AbortSignal.any([signal, this.#leaving.signal]) : this.#leaving.signal;
    try {
      await this.#connect(stop);
    } catch (error) {
      this.#finish(/** @type {Error} */ (error));
      throw error;
    }
  }

  /** Sends what has no answer, and is lost if it can't be sent now. @param {object} message */
  tell(message) {
    if (this.core.online && this.core.level > 1) this.socket?.send(JSON.stringify(message));
  }

  /** Leaves the room. */
  close() {
    for (const frame of this.core.leave()) this.socket?.send(frame);
    this.#stop();
  }

  /** Lets go of the server without leaving. @returns {import('./core.js').Ticket | null} what brings the session back */
  suspend() {
    const { ticket } = this.core;
    this.#stop();
    return ticket && { ...ticket, idToken: this.#identity.token };
  }

  #stop() {
    const over = new errors.SignalingDown();
    this.#leaving.abort(over);
    this.socket?.close();
    this.socket = null;
    this.#finish(null, over);
  }

  /** Sends what may be sent, and sees to it that the rest is when its time has come. */
  #pump() {
    clearTimeout(this.#timer);
    if (this.socket === null || !this.core.online) return;
    for (let frame = this.core.take(); frame !== null; frame = this.core.take()) this.socket.send(frame);
    const ms = this.core.delayMs();
    if (ms < Infinity) this.#timer = setTimeout(() => this.#pump(), Math.ceil(ms) + 1);
  }

  /** @param {AbortSignal} stop */
  async #connect(stop) {
    const url = new URL('/ws', this.#identity.url).href.replace(/^http/, 'ws');
    const token = this.#identity.get(); // while the socket opens
    token.catch(() => {}); // if there is no socket either, that is the reason
    const socket = await SignalingSocket.open(url, { ...this.#options, signal: stop });
    this.socket = socket;
    socket.onframe = (frame) => this.core.receive(frame);
    socket.onquiet = () => this.core.online && this.core.probe();
    socket.onclose = (error) => this.#dropped(error);
    try {
      ({ resumed: this.resumed } = await this.#register(socket, await within(token, { signal: stop }), stop));
      if (this.socket !== socket) throw new errors.SignalingDown();
    } catch (error) {
      if (this.socket === socket) this.socket = null;
      socket.close();
      this.core.disconnected();
      throw error;
    }
    this.#onlineSince = performance.now();
    this.#attempt = Math.min(this.#attempt, SHAKY_ATTEMPTS);
    this.#enter('online');
  }

  /** @param {SignalingSocket} socket @param {string} idToken @param {AbortSignal} stop */
  async #register(socket, idToken, stop) {
    const { replyTimeoutMs: ms = REPLY_TIMEOUT_MS } = this.#options;
    /** @param {string} id */
    const attempt = (id) => {
      const { frame, entered } = this.core.register(id);
      socket.send(frame);
      return within(entered, { ms, late: () => new errors.ReplyTimeout('register', ms), signal: stop });
    };
    try {
      return await attempt(idToken);
    } catch (error) {
      if (!(error instanceof errors.InvalidIdToken)) throw error;
      const fresh = await within(this.#identity.get(true), { signal: stop });
      if (fresh === idToken) throw error;
      return await attempt(fresh);
    }
  }

  /** @param {Error} error */
  #dropped(error) {
    this.socket = null;
    this.core.disconnected(); // which ends a registration under way
    if (this.state !== 'online') return;
    if (this.#isFinal(error)) return this.#finish(error);
    if (performance.now() - this.#onlineSince > SETTLED_AFTER_MS) this.#attempt = 0;
    this.#enter('reconnecting', error);
    void this.#comeBack();
  }

  async #comeBack() {
    const { random = Math.random, reconnectWindowMs = RECONNECT_WINDOW_MS } = this.#options;
    const until = performance.now() + reconnectWindowMs;
    const stop = this.#leaving.signal;
    while (!stop.aborted) {
      try {
        await pause(delayMs(this.#attempt++, random), stop, this.network);
        return await this.#connect(stop);
      } catch (error) {
        if (!stop.aborted && (this.#isFinal(error) || performance.now() > until)) {
          return this.#finish(/** @type {Error} */ (error));
        }
      }
    }
    return undefined;
  }

  /** @param {unknown} error */
  #isFinal(error) {
    if (error instanceof errors.RequestRefused) return error.status !== 429 && error.status < 500;
    if (error instanceof errors.PeerIdTaken) return this.#attempt > TAKEN_ATTEMPTS;
    return FINAL.some((Kind) => error instanceof Kind);
  }

  /** @param {Error | null} error @param {Error} [reason] for those who wait for answers */
  #finish(error, reason = error ?? new errors.SignalingDown()) {
    clearTimeout(this.#timer);
    this.core.end(reason);
    this.#enter('closed', error);
  }

  /** @param {SignalingState} state @param {Error | null} [error] */
  #enter(state, error = null) {
    if (this.state === state) return;
    this.state = state;
    this.error = error;
    this.dispatchEvent(new StateEvent(state, error));
  }
}

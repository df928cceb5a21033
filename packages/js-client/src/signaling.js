/** This peer's place in a room: registers, and comes back by itself when the socket drops. */

import { delayMs } from './backoff.js';
import * as errors from './errors.js';
import { Emitter, RefusalEvent, SignalEvent, StateEvent } from './events.js';
import { SignalingSocket } from './socket.js';
import { pause } from './waiting.js';

/** How long a lost connection is tried again before giving up. */
export const RECONNECT_WINDOW_MS = 600_000;
/** How long a connection has to last before the next drop counts as the first. */
export const SETTLED_AFTER_MS = 30_000;

/** After these there is no use in coming back with the same words. */
const FINAL = [
  errors.Replaced,
  errors.Removed,
  errors.InvalidRoomToken,
  errors.InvalidIdToken,
  errors.RoomNotFound,
  errors.RoomExpired,
  errors.PeerIdTaken,
  errors.InvalidMessage,
  errors.RequestRefused,
];

/**
 * Gives the id token for each registration; `fresh` when the server refused the last one.
 * @callback IdTokenSource
 * @param {{ fresh: boolean }} need
 * @returns {string | Promise<string>}
 */
/**
 * @typedef {object} Place
 * @property {string} url of the WebSocket
 * @property {string} room
 * @property {string} token
 * @property {string} peerId
 * @property {IdTokenSource} idToken
 * @property {string} [role]
 */
/**
 * @typedef {import('./socket.js').SocketOptions & {
 *   random?: (() => number) | undefined,
 *   reconnectWindowMs?: number,
 *   network?: EventTarget,
 * }} SignalingOptions
 * `network` fires `online` when it is worth trying again at once
 */
/** @typedef {'connecting' | 'online' | 'reconnecting' | 'closed'} SignalingState */

/**
 * Events: `signal`, `refusal`, and `state` on every change.
 * @extends {Emitter<{ signal: SignalEvent, refusal: RefusalEvent, state: StateEvent<SignalingState> }>}
 */
export class Signaling extends Emitter {
  /** @type {SignalingState} */
  state = 'connecting';
  /** Why it is not online. @type {Error | null} */
  error = null;
  #place;
  #options;
  /** @type {SignalingSocket | null} */
  #socket = null;
  #leaving = new AbortController();
  #attempt = 0;
  #onlineSince = 0;

  /** @param {Place} place @param {SignalingOptions} [options] */
  constructor(place, options = {}) {
    super();
    this.#place = place;
    this.#options = options;
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
      this.#enter('closed', /** @type {Error} */ (error));
      throw error;
    }
  }

  /** @param {import('./protocol.js').ClientMessage} message @throws {errors.SignalingDown} */
  send(message) {
    this.#live().send(message);
  }

  /**
   * @param {AbortSignal} [signal]
   * @returns {Promise<string[]>}
   */
  async query(signal) {
    return this.#live().query(signal);
  }

  /** Leaves the room. */
  close() {
    this.#leaving.abort(new errors.SignalingDown());
    this.#socket?.close();
    this.#enter('closed');
  }

  #live() {
    if (this.#socket === null) throw new errors.SignalingDown();
    return this.#socket;
  }

  /** @param {AbortSignal} stop */
  async #connect(stop) {
    const { url, idToken } = this.#place;
    const [token, socket] = await both(
      idToken({ fresh: false }),
      SignalingSocket.open(url, { ...this.#options, signal: stop }),
    );
    try {
      await this.#register(socket, token, stop);
    } catch (error) {
      socket.close();
      throw error;
    }
    socket.on('signal', ({ signal }) => this.dispatchEvent(new SignalEvent(signal)));
    socket.on('refusal', ({ ref, error }) => this.dispatchEvent(new RefusalEvent(ref, error)));
    socket.on('state', ({ error }) => this.#dropped(error));
    this.#socket = socket;
    this.#onlineSince = performance.now();
    this.#enter('online');
  }

  /** @param {SignalingSocket} socket @param {string} idToken @param {AbortSignal} stop */
  async #register(socket, idToken, stop) {
    const { room, token, peerId, role } = this.#place;
    /** @param {string} id */
    const message = (id) =>
      /** @type {const} */ ({
        type: 'register',
        peer_id: peerId,
        room_id: room,
        token,
        id_token: id,
        ...(role ? { role } : {}),
      });
    try {
      await socket.register(message(idToken), stop);
    } catch (error) {
      if (!(error instanceof errors.InvalidIdToken)) throw error;
      const fresh = await this.#place.idToken({ fresh: true });
      if (fresh === idToken) throw error;
      await socket.register(message(fresh), stop);
    }
  }

  /** @param {Error | null} error */
  #dropped(error) {
    this.#socket = null;
    if (this.state === 'closed') return;
    if (isFinal(error)) {
      this.#enter('closed', error);
      return;
    }
    if (performance.now() - this.#onlineSince > SETTLED_AFTER_MS) this.#attempt = 0;
    this.#enter('reconnecting', error);
    void this.#comeBack();
  }

  async #comeBack() {
    const { random = Math.random, reconnectWindowMs = RECONNECT_WINDOW_MS, network = globalThis } = this.#options;
    const until = performance.now() + reconnectWindowMs;
    const stop = this.#leaving.signal;
    while (!stop.aborted) {
      try {
        await pause(delayMs(this.#attempt++, random), stop, network);
        return await this.#connect(stop);
      } catch (error) {
        if (!stop.aborted && (isFinal(error) || performance.now() > until)) {
          return this.#enter('closed', /** @type {Error} */ (error));
        }
      }
    }
    return undefined;
  }

  /** @param {SignalingState} state @param {Error | null} [error] */
  #enter(state, error = null) {
    if (this.state === state) return;
    this.state = state;
    this.error = error;
    this.dispatchEvent(new StateEvent(state, error));
  }
}

/** @param {unknown} error */
function isFinal(error) {
  return FINAL.some((Kind) => error instanceof Kind);
}

/**
 * The token and the socket at once; a socket without a token is closed again.
 * @param {string | Promise<string>} token
 * @param {Promise<SignalingSocket>} opening
 * @returns {Promise<[string, SignalingSocket]>}
 */
async function both(token, opening) {
  const [first, second] = await Promise.allSettled([token, opening]);
  if (second.status === 'rejected') throw second.reason;
  if (first.status === 'rejected') {
    second.value.close();
    throw first.reason;
  }
  return [first.value, second.value];
}

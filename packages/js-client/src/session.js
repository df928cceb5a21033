/** The top object: this peer in a room, and its connections to others. */

import * as api from './api.js';
import { Connection } from './connection.js';
import { ConnectionClosed, HeliographError, Replaced } from './errors.js';
import { ConnectionEvent, Emitter, StateEvent } from './events.js';
import { Signaling } from './signaling.js';

/** @typedef {import('./socket.js').PeerSignal} PeerSignal */
/** @typedef {import('./signaling.js').SignalingState} SignalingState */
/** @typedef {import('./negotiation.js').Words} Words */
/**
 * @typedef {object} ConnectOptions
 * @property {string} [url] of the server (`http:` or `https:`); by default the page's own
 * @property {string} room its id
 * @property {string} token the room's
 * @property {string} peerId 1 to 128 characters of `A-Za-z0-9._:@-`
 * @property {string | import('./signaling.js').IdTokenSource} [idToken] by default, of an anonymous sign-in
 * @property {string} [role]
 * @property {AbortSignal} [signal] ends the attempt
 * @property {() => number} [random]
 * @property {import('./signaling.js').SignalingOptions} [signaling]
 * @property {import('./connection.js').ConnectionOptions} [connections] ICE servers, deadline and channel limits
 */

/**
 * Enters a room.
 * @param {ConnectOptions} options
 * @returns {Promise<Session>}
 * @throws {import('./errors.js').ServerUnreachable | import('./errors.js').Refused}
 */
export async function connect({ signal, ...options }) {
  const session = new Session(options);
  await session.enter(signal);
  return session;
}

/**
 * Events: `connection` when another peer connects to this one; `state` of the place in the room: `online`,
 * `reconnecting`, `closed`.
 * @extends {Emitter<{ connection: ConnectionEvent, state: StateEvent<SignalingState> }>}
 */
export class Session extends Emitter {
  #signaling;
  #options;
  #random;
  /** The current connection with each peer. @type {Map<string, Connection>} */
  #connections = new Map();

  /** @param {Omit<ConnectOptions, 'signal'>} options */
  constructor({ url = globalThis.location?.origin, room, token, peerId, role, random = Math.random, ...options }) {
    super();
    this.peerId = peerId;
    this.room = room;
    this.#random = random;
    this.#options = options.connections ?? {};
    const idToken = idTokenSource(url, options.idToken);
    const place = { url: webSocketUrl(url), room, token, peerId, idToken, ...(role === undefined ? {} : { role }) };
    this.#signaling = new Signaling(place, { random, ...options.signaling });
    this.#signaling.on('signal', ({ signal }) => this.#receive(signal));
    this.#signaling.on('refusal', ({ ref, error }) => this.#refused(ref, error));
    this.#signaling.on('state', ({ state, error }) => this.#stateChanged(state, error));
  }

  /** @returns {SignalingState} */
  get state() {
    return this.#signaling.state;
  }

  /** Why it is not online. @returns {Error | null} */
  get error() {
    return this.#signaling.error;
  }

  /** The current connection with each peer, by its id. @returns {ReadonlyMap<string, Connection>} */
  get connections() {
    return this.#connections;
  }

  /** `connect` calls this. @param {AbortSignal} [signal] */
  enter(signal) {
    return this.#signaling.open(signal);
  }

  /**
   * Who else is in the room.
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<string[]>}
   */
  async peers({ signal } = {}) {
    const everyone = await this.#signaling.query(signal);
    return everyone.filter((peerId) => peerId !== this.peerId);
  }

  /**
   * A connection to `peerId`: the one that there is, or a new one, for which the other side is sent an offer.
   * @param {string} peerId
   * @returns {Connection} possibly still `connecting`
   */
  dial(peerId) {
    if (peerId === this.peerId) throw new HeliographError('CONNECT_TO_SELF', 'A peer cannot connect to itself');
    const current = this.#connections.get(peerId);
    if (current && (current.state === 'connecting' || current.state === 'open')) return current;
    const connection = this.#begin(peerId, this.#newId());
    connection.offer();
    return connection;
  }

  /**
   * Connects to `peerId`; resolves when data can flow.
   * @param {string} peerId
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<Connection>}
   * @throws {import('./errors.js').ConnectError | import('./errors.js').PeerNotFound}
   */
  async connect(peerId, { signal } = {}) {
    const connection = this.dial(peerId);
    try {
      return await connection.opened(signal);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Closes every connection and leaves the room. */
  close() {
    for (const connection of [...this.#connections.values()]) connection.close();
    this.#signaling.close();
  }

  /** @param {string} peerId @param {string} id @returns {Connection} */
  #begin(peerId, id) {
    this.#connections.get(peerId)?.end(new ConnectionClosed('CONNECTION_REPLACED', 'A newer connection took over'));
    const connection = new Connection(peerId, id, (words, current) => this.#say(peerId, current, words), this.#options);
    this.#connections.set(peerId, connection);
    connection.on('state', () => {
      if (connection.isOver && this.#connections.get(peerId) === connection) this.#connections.delete(peerId);
    });
    return connection;
  }

  /** @param {string} target @param {string} id @param {Words} words */
  #say(target, id, words) {
    // `ref` brings a refusal of the server back to the connection that it is about.
    const address = id === '' ? { target } : { target, connection_id: id, ref: id };
    this.#signaling.send({ ...words, ...address });
  }

  /** @param {PeerSignal} signal */
  #receive(signal) {
    const peerId = signal.sender;
    if (typeof peerId !== 'string' || peerId === this.peerId) return;
    const current = this.#connections.get(peerId);
    if (signal.type === 'offer') {
      if (typeof signal.sdp === 'string') this.#offered(peerId, current, signal.connection_id ?? '', signal.sdp);
      return;
    }
    // Without an id it is about the current connection; with one that is not current it is about none.
    if (!current || (signal.connection_id !== undefined && signal.connection_id !== current.id)) return;
    switch (signal.type) {
      case 'answer':
        if (typeof signal.sdp === 'string') current.conclude(signal.sdp);
        break;
      case 'candidate':
        current.candidate(signal.candidate);
        break;
      case 'quit':
        current.end(new ConnectionClosed('PEER_QUIT', `${peerId} closed the connection`));
        break;
      case 'error':
        current.refuse(String(signal.code ?? ''), String(signal.message || signal.reason || ''));
        break;
    }
  }

  /** @param {string} peerId @param {Connection | undefined} current @param {string} id @param {string} sdp */
  #offered(peerId, current, id, sdp) {
    if (current?.isOffering) {
      // Both offered at once. The smaller id gives way, so that one of the two offers is answered.
      if (this.peerId < peerId) current.answer(id, sdp);
      return;
    }
    const connection = this.#begin(peerId, id);
    this.dispatchEvent(new ConnectionEvent(connection));
    connection.answer(id, sdp);
  }

  /** @param {string | number | undefined} ref @param {import('./errors.js').Refused} error */
  #refused(ref, error) {
    for (const connection of this.#connections.values()) {
      // A dropped candidate is one path less; anything else that is refused leaves the other side without a signal.
      const isFatal = connection.state === 'connecting' && error.code !== 'RATE_LIMITED';
      if (connection.id === ref && isFatal) connection.end(error, 'failed');
    }
  }

  /** @param {SignalingState} state @param {Error | null} error */
  #stateChanged(state, error) {
    if (state !== 'online') for (const connection of this.#connections.values()) connection.signalingLost = true;
    // Whoever took this peer id over has its connections now.
    if (error instanceof Replaced) for (const connection of [...this.#connections.values()]) connection.end(error);
    this.dispatchEvent(new StateEvent(state, error));
  }

  #newId() {
    return Array.from({ length: 4 }, () =>
      Math.floor(this.#random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    ).join('');
  }
}

/** @param {string} url */
function webSocketUrl(url) {
  const ws = new URL('/ws', url);
  ws.protocol = ws.protocol.replace('http', 'ws');
  return ws.href;
}

/**
 * @param {string} url
 * @param {ConnectOptions['idToken']} idToken
 * @returns {import('./signaling.js').IdTokenSource}
 */
function idTokenSource(url, idToken) {
  if (typeof idToken === 'function') return idToken;
  if (typeof idToken === 'string') return () => idToken;
  /** @type {Promise<string> | null} */
  let current = null;
  return ({ fresh }) => {
    if (current === null || fresh) {
      current = api.signIn(url).then((identity) => identity.idToken);
      current.catch(() => (current = null));
    }
    return current;
  };
}

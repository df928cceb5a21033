/** The top object: this peer in a room, and its connections to others. */

import { Connection } from './connection.js';
import { ConnectionClosed, DeliveryUnknown, HeliographError, PeerRefused, Replaced } from './errors.js';
import { ConnectionEvent, StateEvent } from './events.js';
import { Identity } from './identity.js';
import { staying } from './late.js';
import { Member } from './member.js';
import { given } from './peer.js';
import { nameIn } from './session-name.js';
import { Signaling } from './signaling.js';

/** @typedef {import('./socket.js').PeerSignal} PeerSignal */
/** @typedef {import('./signaling.js').SignalingState} SignalingState */
/** @typedef {import('./negotiation.js').Words} Words */
/**
 * @typedef {object} ConnectOptions
 * @property {string} [url] of the server (`http:` or `https:`); by default the page's own
 * @property {string} room its id
 * @property {string} token the room's, or a join token
 * @property {string} peerId 1 to 128 characters of `A-Za-z0-9._:@-`
 * @property {string | import('./identity.js').IdTokenSource | null} [idToken] by default that of the ticket, or of an anonymous sign-in
 * @property {string} [role]
 * @property {string[]} [tags] what this peer says of itself
 * @property {Record<string, unknown>} [properties] more of that
 * @property {string[]} [groups] by default those of the token, or `default`
 * @property {import('./core.js').Ticket | null} [ticket] of `session.suspend()`, to be the peer that one was before a reload
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

/** @typedef {Event & { error: import('./errors.js').HeliographError }} ComplaintEvent */
/**
 * @typedef {object} SessionEvents
 * @property {ConnectionEvent} connection another peer connects to this one
 * @property {StateEvent<SignalingState>} state of the place in the room: `online`, `reconnecting`, `closed`
 * @property {Event & import('./roster.js').PeerNews} peer a peer has `joined`, was `updated`, is `away`, is `back`, has `left`
 * @property {Event & { from: string, group: string | null, payload: unknown }} message of a peer, through the server
 * @property {Event & { to: string, payload: unknown, error: Error }} undelivered what became of a message without `ack`
 * @property {Event & { claimId: string, by: string }} claimed this peer, by that one
 * @property {Event & { claimId: string, reason: string }} released a claim on this peer, or of this peer, is over
 * @property {Event & { idToken: string }} idtoken this session has another id token than before, of the same user unless the server
 *   refused one that it had got by signing in
 * @property {Event & { expiresAt: number }} expiring soon nobody is let in any more; Unix seconds
 * @property {Event & { reason: string }} roomclosed everyone is put out
 * @property {Event & { reconnectWithinS: number }} draining the server is about to restart
 * @property {Event & { message: import('./protocol.js').Inspection | import('./protocol.js').InspectionUpdate }} inspection
 *   what has changed in a room that `inspect` asked for
 * @property {ComplaintEvent} complaint the server objects to something that nobody waits for
 */

/** Names of connections that are over and whose late offers are known as such; beyond it, the oldest goes. */
const REMEMBERED = 128;
/** After the part of the SDK for it could not be loaded. */
const STAY_RETRY_MS = 30_000;

/**
 * A peer in a room, and its connections.
 * @extends {Member<SessionEvents>}
 */
export class Session extends Member {
  #signaling;
  #options;
  #random;
  #identity;
  /** @type {Map<string, import('./serving.js').Handler>} */
  #methods = new Map();
  /** The current connection with each peer. @type {Map<string, Connection>} */
  #connections = new Map();
  /** The ids of those that are over. @type {Set<string>} */
  #over = new Set();

  /** @param {Omit<ConnectOptions, 'signal'>} options */
  constructor({ url = globalThis.location?.origin, room, token, peerId, random = Math.random, ...options }) {
    super(peerId, () => this.#signaling.core);
    this.room = room;
    this.#random = random;
    this.#options = options.connections ?? {};
    const { role, tags, properties, groups, ticket } = options;
    this.#identity = new Identity(url, options.idToken, ticket?.idToken, (idToken) => this.emit('idtoken', { idToken }));
    const metadata = tags || properties ? given({ tags, properties }) : undefined;
    const me = given({ room, token, peerId, role, metadata, groups });
    const ear = {
      emit: (/** @type {string} */ type, /** @type {object} */ fields = {}) => this.emit(type, fields),
      signal: (/** @type {PeerSignal} */ signal) => this.#receive(signal),
      refused: this.#refused.bind(this),
    };
    this.#signaling = new Signaling(me, this.#identity, ear, { random, ...options.signaling }, ticket);
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

  /** Whether the last registration went back into the session that there was: nothing was lost. */
  get resumed() {
    return this.#signaling.resumed;
  }

  /** The server's STUN and TURN servers, with credentials that are good for a while yet. @returns {RTCIceServer[]} */
  get iceServers() {
    return this.#signaling.core.iceServers;
  }

  /** Who this peer is to the server: a secret. It is renewed in time, and an `idtoken` event has the next one. @returns {string | null} */
  get idToken() {
    return this.#identity.token;
  }

  /** `connect` calls this. @param {AbortSignal} [signal] */
  async enter(signal) {
    await this.#signaling.open(signal);
    this.#stay();
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
   * Connects to `peerId`; resolves when data can flow. An aborted `signal` ends this wait, and with the last one that there
   * is the attempt, if `connect` began it.
   * @param {string} peerId
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<Connection>}
   * @throws {import('./errors.js').ConnectError | import('./errors.js').PeerNotFound}
   */
  async connect(peerId, { signal } = {}) {
    const known = this.#connections.get(peerId);
    const connection = this.dial(peerId);
    if (connection !== known) connection.waiting = 0;
    connection.waiting += 1;
    return connection.opened(signal).finally(() => {
      connection.waiting -= 1;
      if (connection.waiting === 0 && connection.state === 'connecting') connection.close();
    });
  }

  /**
   * Answers calls of a method, on every connection: `session.serve('add', ([a, b]) => a + b)`. An async generator function
   * streams its results.
   * @param {string} method @param {import('./serving.js').Handler} handler
   */
  serve(method, handler) {
    this.#methods.set(method, handler);
  }

  /** Closes every connection and leaves the room. */
  close() {
    for (const connection of [...this.#connections.values()]) connection.close();
    this.#signaling.close();
  }

  /**
   * Lets go without leaving: within half a minute another `connect` with what this gives is the same peer, and gets all
   * that came for it. For `pagehide`, before a reload. Its connections do not outlive the page.
   * @returns {import('./core.js').Ticket | null} a secret; null at level 1
   */
  suspend() {
    for (const connection of [...this.#connections.values()]) connection.close();
    return this.#signaling.suspend();
  }

  /** @param {string} peerId @param {string} id @returns {Connection} */
  #begin(peerId, id) {
    this.#connections.get(peerId)?.end(new ConnectionClosed('CONNECTION_REPLACED', 'A newer connection took over'));
    const options = { freshIceServers: () => this.iceServers, methods: this.#methods, newId: () => this.#newId(), ...this.#options };
    const connection = new Connection(peerId, id, (words, current) => this.#say(peerId, current, words), options);
    this.#connections.set(peerId, connection);
    connection.on('state', ({ state }) => {
      void this.#tell(connection, state);
      if (!connection.isOver) return;
      if (this.#connections.get(peerId) === connection) this.#connections.delete(peerId);
      for (const name of [connection.id, connection.name]) this.#over.add(name);
      for (const oldest of this.#over) if (this.#over.size > REMEMBERED) this.#over.delete(oldest);
    });
    return connection;
  }

  /** Tells the server, for those who inspect the room. @param {Connection} connection @param {string} state */
  async #tell(connection, state) {
    if (state !== 'open' && (state !== 'failed' || connection.error instanceof PeerRefused)) return;
    const { peerId: peer_id, elapsedMs: took_ms } = connection.report();
    const { local, remote } = (await connection.route().catch(() => null)) ?? {};
    this.#signaling.tell({ type: 'report', peer_id, state: state === 'open' ? 'connected' : state, local, remote, took_ms });
  }

  /** @param {string} target @param {string} id @param {Words} words */
  #say(target, id, words) {
    this.#signaling.core.put({ ...words, sender: this.peerId, target, ...(id === '' ? {} : { connection_id: id }) });
  }

  /** @param {PeerSignal} signal */
  #receive(signal) {
    const peerId = signal.sender;
    if (typeof peerId !== 'string' || peerId === this.peerId) return;
    const current = this.#connections.get(peerId);
    if (signal.type === 'offer') {
      if (typeof signal.sdp === 'string') this.#offered(peerId, current, signal);
      return;
    }
    // Without an id it is about the current connection; with one that is not current it is about none.
    if (!current || (signal.connection_id !== undefined && signal.connection_id !== current.id)) return;
    switch (signal.type) {
      case 'answer':
        if (typeof signal.sdp === 'string') current.conclude(signal.sdp, signal.ice_restart);
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

  /** @param {string} peerId @param {Connection | undefined} current @param {import('./protocol.js').Offer} offer */
  #offered(peerId, current, { connection_id: id = '', sdp, ice_restart: canRestart }) {
    // When both offer at once, the smaller id gives way, so that one of the two offers is answered.
    const givesWay = this.peerId < peerId;
    if (current?.isOffering) return void (givesWay && current.answer(id, sdp, canRestart));
    if (id !== '' && current?.id === id && current.renegotiate(sdp, givesWay)) return;
    if (current?.answerAgain(id, sdp)) return;
    // A path for it was looked for, and it ended before that was said: channels may close sooner than the server forwards.
    if (id !== '' && this.#over.has(id)) return;
    if (this.#over.has(nameIn(sdp))) {
      const over = { code: 'CONNECTION_CLOSED', message: 'That connection was ended' };
      return this.#say(peerId, id, { type: 'error', ...over });
    }
    const connection = this.#begin(peerId, id);
    this.dispatchEvent(new ConnectionEvent(connection));
    connection.answer(id, sdp, canRestart);
  }

  /** @param {import('./protocol.js').ClientMessage} message @param {import('./errors.js').HeliographError} error */
  #refused(message, error) {
    const connection = 'target' in message && this.#connections.get(message.target ?? '');
    if (!connection || connection.state !== 'connecting' || connection.id !== (message.connection_id ?? '')) return;
    // A lost candidate is one path less; anything else that is refused leaves the other side without a signal.
    const isPathLess = message.type === 'candidate' && error instanceof DeliveryUnknown;
    if (!isPathLess && error.code !== 'RATE_LIMITED') connection.end(error, 'failed');
  }

  /** @param {SignalingState} state @param {Error | null} error */
  #stateChanged(state, error) {
    if (state !== 'online') for (const connection of this.#connections.values()) connection.signalingLost = true;
    // Whoever took this peer id over has its connections now.
    if (error instanceof Replaced) for (const connection of [...this.#connections.values()]) connection.end(error);
    this.dispatchEvent(new StateEvent(state, error));
  }

  /** Sees to it that nothing runs out of what it needs to stay. */
  #stay() {
    staying().then(
      ({ stay }) => stay(this, this.#signaling, this.#identity),
      () => setTimeout(() => this.state === 'closed' || this.#stay(), STAY_RETRY_MS),
    );
  }

  #newId() {
    return Array.from({ length: 4 }, () =>
      Math.floor(this.#random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    ).join('');
  }
}

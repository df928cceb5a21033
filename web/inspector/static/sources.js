/** Where the views come from: a session in a room, or a connection that has shown the operator's token. */

import { delayMs } from '/sdk/backoff.js';
import { NotPermitted, RateLimited } from '/sdk/errors.js';
import { connect, InvalidRoomToken, signIn } from '/sdk/index.js';
import { refusal } from '/sdk/refusals.js';
import { SignalingSocket } from '/sdk/socket.js';
import { pause } from '/sdk/waiting.js';

/** @typedef {import('/sdk/protocol.js').Inspection} Inspection */
/** @typedef {import('/sdk/protocol.js').InspectionUpdate} InspectionUpdate */
/** @typedef {{ room: string | null, peers: string[] }} Wanted */
/**
 * What a source tells.
 * @typedef {object} Ear
 * @property {(message: Inspection | InspectionUpdate) => void} view
 * @property {(state: 'connecting' | 'online' | 'reconnecting' | 'closed', error: Error | null) => void} state
 */

const IDENTITY = 'heliograph:identity';
/** How long to wait when too many views were asked for. */
const AGAIN_MS = 1500;

/** The peer that the creator of a room inspects it with. It is in a group of its own, where the others don't see it. */
export class MemberSource {
  #room;
  #token;
  #ear;
  /** @type {import('/sdk/index.js').Session | null} */
  #session = null;
  /** @type {Wanted} */
  #wanted = { room: null, peers: [] };
  #leaving = new AbortController();

  /** @param {{ room: string, token: string }} target @param {Ear} ear */
  constructor({ room, token }, ear) {
    this.#room = room;
    this.#token = token;
    this.#ear = ear;
  }

  /** Enters the room. @throws {NotPermitted} for those who may not manage it; an `AbortError` if it was closed meanwhile */
  async open() {
    this.#ear.state('connecting', null);
    const session = await this.#enter();
    try {
      // It is not cut off on its way in: only a peer that is in can leave, and another one would be awaited for a while.
      this.#leaving.signal.throwIfAborted();
      if (!session.grants.has('manage')) throw new NotPermitted('NOT_PERMITTED', 'This needs the grant to manage the room');
    } catch (error) {
      session.close();
      throw error;
    }
    this.#session = session;
    session.on('inspection', ({ message }) => this.#ear.view(message));
    session.on('idtoken', ({ idToken }) => sessionStorage.setItem(IDENTITY, JSON.stringify({ ...storedIdentity(), idToken })));
    session.on('state', ({ state, error }) => {
      this.#ear.state(state, error);
      if (state === 'online') void this.#ask();
    });
    this.#ear.state('online', null);
  }

  /** @param {Wanted} wanted */
  show(wanted) {
    this.#wanted = wanted;
    void this.#ask();
  }

  close() {
    this.#leaving.abort();
    this.#session?.close();
  }

  async #enter() {
    const idToken = await ownIdToken();
    this.#leaving.signal.throwIfAborted();
    const [number = 0] = crypto.getRandomValues(new Uint16Array(1));
    const peerId = `Inspector-${number.toString(16).padStart(4, '0')}`;
    const options = { room: this.#room, token: this.#token, peerId, idToken };
    try {
      return await connect({ ...options, role: 'inspector', groups: ['inspector'] });
    } catch (error) {
      if (!(error instanceof InvalidRoomToken)) throw error;
      return connect(options); // a join token that says which groups and which role it is for
    }
  }

  async #ask() {
    const wanted = this.#wanted;
    try {
      const view = await this.#session?.inspect(wanted.peers);
      if (view && wanted === this.#wanted) this.#ear.view(view);
    } catch (error) {
      if (error instanceof RateLimited && wanted === this.#wanted) setTimeout(() => wanted === this.#wanted && this.#ask(), AGAIN_MS);
      else if (this.#session?.state === 'online') this.#ear.state('closed', /** @type {Error} */ (error));
    }
  }
}

/** A connection that inspects the whole server. */
export class OperatorSource {
  #token;
  #ear;
  /** @type {SignalingSocket | null} */
  #socket = null;
  /** @type {Wanted} */
  #wanted = { room: null, peers: [] };
  #leaving = new AbortController();
  #ref = 0;
  #attempt = 0;
  /** @type {{ resolve: () => void, reject: (error: Error) => void } | null} */
  #opening = null;

  /** @param {string} token @param {Ear} ear */
  constructor(token, ear) {
    this.#token = token;
    this.#ear = ear;
  }

  /** Connects and shows the token. @throws {NotPermitted} */
  async open() {
    this.#ear.state('connecting', null);
    const { protocol, host } = location;
    const url = `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/ws`;
    const socket = await SignalingSocket.open(url, { signal: this.#leaving.signal });
    this.#socket = socket;
    socket.onframe = (frame) => this.#receive(JSON.parse(frame));
    socket.onquiet = () => socket.send(JSON.stringify({ type: 'ping' }));
    socket.onclose = (error) => this.#dropped(error);
    const opened = new Promise((resolve, reject) => (this.#opening = { resolve: () => resolve(undefined), reject }));
    this.#ask();
    await opened;
    this.#attempt = 0;
    this.#ear.state('online', null);
  }

  /** @param {Wanted} wanted */
  show(wanted) {
    this.#wanted = wanted;
    if (this.#opening === null) this.#ask();
  }

  close() {
    this.#leaving.abort();
    this.#socket?.close();
  }

  #ask() {
    const { room, peers } = this.#wanted;
    this.#ref += 1;
    const message = { type: 'inspect', ref: this.#ref, operator_token: this.#token, peers, ...(room !== null && { room_id: room }) };
    this.#socket?.send(JSON.stringify(message));
  }

  /** @param {import('/sdk/protocol.js').ServerMessage} message */
  #receive(message) {
    if (message.type === 'error') return this.#refused(refusal(message));
    if (message.type !== 'inspection' && message.type !== 'inspection_update') return undefined;
    this.#opening?.resolve();
    this.#opening = null;
    if (message.ref === undefined || message.ref === this.#ref) this.#ear.view(message);
    return undefined;
  }

  /** @param {Error} error */
  #refused(error) {
    if (this.#opening) this.#opening.reject(error);
    else if (error instanceof RateLimited) setTimeout(() => this.#ask(), AGAIN_MS);
    else this.#ear.state('closed', error);
  }

  /** @param {Error} error */
  #dropped(error) {
    const opening = this.#opening;
    this.#socket = null;
    this.#opening = null;
    if (opening) return opening.reject(error);
    if (this.#leaving.signal.aborted) return undefined;
    this.#ear.state('reconnecting', error);
    void this.#comeBack();
    return undefined;
  }

  async #comeBack() {
    while (!this.#leaving.signal.aborted) {
      this.#attempt += 1;
      try {
        await pause(delayMs(this.#attempt, Math.random), this.#leaving.signal, globalThis);
        return await this.open();
      } catch (error) {
        this.#socket?.close();
        if (error instanceof NotPermitted) return this.#ear.state('closed', error);
        if (!this.#leaving.signal.aborted) this.#ear.state('reconnecting', /** @type {Error} */ (error));
      }
    }
    return undefined;
  }
}

/** The sign-in of the room's page, which this tab has a copy of when it was opened from there; else a new one. */
async function ownIdToken() {
  const idToken = storedIdentity()?.idToken;
  return typeof idToken === 'string' ? idToken : (await signIn(location.origin)).idToken;
}

function storedIdentity() {
  try {
    return JSON.parse(sessionStorage.getItem(IDENTITY) ?? 'null');
  } catch {
    return null; // what is no JSON is not from that page
  }
}

/** The server's HTTP calls that every program needs. */

import { HeliographError, RequestRefused, ServerUnreachable } from './errors.js';
import { given } from './peer.js';

export const HTTP_TIMEOUT_MS = 10_000;

/**
 * @typedef {object} CallOptions
 * @property {AbortSignal} [signal]
 * @property {typeof globalThis.fetch} [fetch]
 */
/** @typedef {{ idToken: string, username: string }} Identity */
/** @typedef {{ roomId: string, token: string, expiresAt: number }} Room `expiresAt` in Unix seconds */
/** @typedef {{ signal: Record<string, string[]> }} Policy which roles may signal which */
/**
 * @typedef {object} RoomOptions
 * @property {string | null} [name]
 * @property {number} [ttlS] nobody gets in after so many seconds, 2 hours by default; in a change it counts from now
 * @property {number} [maxPeers]
 * @property {Policy | null} [policy]
 */
/**
 * Some of one server's HTTP endpoints, for one user.
 * Every call throws `ServerUnreachable` or `RequestRefused`, and stops with the `signal` that it is given.
 */
export class Http {
  #url;
  #idToken;
  #fetch;

  /** @param {string} url of the server @param {{ idToken?: string, fetch?: typeof globalThis.fetch | undefined }} [options] `idToken` says who calls */
  constructor(url, { idToken, fetch = globalThis.fetch.bind(globalThis) } = {}) {
    this.#url = url;
    this.#idToken = idToken;
    this.#fetch = fetch;
  }

  /** A new anonymous user. @param {CallOptions} [options] @returns {Promise<Identity>} */
  async signIn(options) {
    const reply = await this.call('POST', '/anonymous-signin', {}, options);
    return { idToken: text(reply, 'id_token'), username: text(reply, 'username') };
  }

  /** Creates a room of this user's. @param {RoomOptions & CallOptions} [options] @returns {Promise<Room>} */
  async createRoom({ name, ttlS, maxPeers, policy, ...options } = {}) {
    const wanted = given({ name, ttl_s: ttlS, max_peers: maxPeers, policy });
    const path = Object.keys(wanted).length > 0 ? '/api/rooms' : '/create-room';
    const reply = await this.call('POST', path, wanted, options);
    return { roomId: text(reply, 'room_id'), token: text(reply, 'token'), expiresAt: Number(reply.expires_at) };
  }

  /** @param {string} method @param {string} path @param {object | undefined} body @param {CallOptions} [options] @returns {Promise<any>} @protected */
  async call(method, path, body, { signal, fetch = this.#fetch } = {}) {
    const deadline = AbortSignal.timeout(HTTP_TIMEOUT_MS);
    /** @type {Record<string, string>} */
    const headers = body ? { 'Content-Type': 'application/json' } : {};
    if (this.#idToken !== undefined) headers.Authorization = `Bearer ${this.#idToken}`;
    try {
      const response = await fetch(new URL(path, this.#url), {
        method,
        headers,
        body: body ? JSON.stringify(body) : null,
        signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      });
      if (response.status === 204) return null;
      const reply = /** @type {any} */ (await response.json().catch(() => null));
      const record = Object(reply) === reply ? reply : null;
      if (!response.ok) throw refused(response, record);
      if (record === null) throw new HeliographError('BAD_REPLY', `${path} did not answer with a JSON object`);
      return record;
    } catch (error) {
      if (error instanceof HeliographError) throw error;
      if (signal?.aborted) throw signal.reason;
      throw new ServerUnreachable(`The server at ${new URL(this.#url).host} did not answer`, { cause: error });
    }
  }
}

/** Signs in without an account. @param {string} url of the server @param {CallOptions} [options] @returns {Promise<Identity>} */
export function signIn(url, options) {
  return new Http(url).signIn(options);
}

/** Creates a room. Whoever has its id and token can enter, until it expires.
 * @param {string} url of the server @param {string} idToken @param {RoomOptions & CallOptions} [options] @returns {Promise<Room>} */
export function createRoom(url, idToken, options) {
  return new Http(url, { idToken }).createRoom(options);
}

/**
 * @param {Response} response
 * @param {Record<string, unknown> | null} reply
 */
function refused(response, reply) {
  const detail = typeof reply?.detail === 'string' ? reply.detail : `The server answered ${response.status}`;
  const retryAfterS = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  return new RequestRefused(response.status, detail, Number.isNaN(retryAfterS) ? null : retryAfterS);
}

/** @param {Record<string, unknown>} reply @param {string} field @returns {string} */
export function text(reply, field) {
  const value = reply[field];
  if (typeof value !== 'string') throw new HeliographError('BAD_REPLY', `The server's answer has no ${field}`);
  return value;
}

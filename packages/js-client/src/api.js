/** The server's HTTP calls. */

import { HeliographError, RequestRefused, ServerUnreachable } from './errors.js';
import { camel, given, peerOf } from './peer.js';

export const HTTP_TIMEOUT_MS = 10_000;

/** @typedef {import('./peer.js').Peer} Peer */
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
 * A room as its creator or one of its peers sees it; times in Unix seconds. Only the creator gets the token.
 * @typedef {{ roomId: string, name: string | null, createdAt: number, expiresAt: number, maxPeers: number,
 *   policy: Policy | null, peerCount: number, token?: string }} RoomDetails
 */
/**
 * What is given here, whoever uses the token cannot choose. Without `ttlS` it lasts as long as the room.
 * @typedef {{ role?: string, peerId?: string, groups?: string[], grants?: string[], ttlS?: number }} JoinTokenOptions
 */
/** @typedef {{ role?: string | string[], tags?: string | string[], signal?: AbortSignal }} PeersOptions */

/**
 * One server's HTTP endpoints for one user.
 * Every call throws `ServerUnreachable` or `RequestRefused`, and stops with the `signal` that it is given.
 */
export class Api {
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
    const reply = await this.#call('POST', '/anonymous-signin', {}, options);
    return { idToken: text(reply, 'id_token'), username: text(reply, 'username') };
  }

  /** Creates a room of this user's. @param {RoomOptions & CallOptions} [options] @returns {Promise<Room>} */
  async createRoom({ name, ttlS, maxPeers, policy, ...options } = {}) {
    const wanted = given({ name, ttl_s: ttlS, max_peers: maxPeers, policy });
    const path = Object.keys(wanted).length > 0 ? '/api/rooms' : '/create-room';
    const reply = await this.#call('POST', path, wanted, options);
    return { roomId: text(reply, 'room_id'), token: text(reply, 'token'), expiresAt: Number(reply.expires_at) };
  }

  /** The user's rooms, newest first. @param {CallOptions} [options] @returns {AsyncGenerator<RoomDetails>} */
  async *rooms(options) {
    for await (const room of this.#pages('/api/rooms', {}, options)) yield camel(room);
  }

  /** One that the user created or is in. @param {string} roomId @param {CallOptions} [options] @returns {Promise<RoomDetails>} */
  async room(roomId, options) {
    return camel(await this.#call('GET', pathOf(roomId), undefined, options));
  }

  /** Changes a room; a name or policy of null takes it away.
   * @param {string} roomId @param {RoomOptions & CallOptions} changes @returns {Promise<RoomDetails>} */
  async updateRoom(roomId, { name, ttlS, maxPeers, policy, ...options }) {
    const wanted = given({ name, ttl_s: ttlS, max_peers: maxPeers, policy });
    return camel(await this.#call('PATCH', pathOf(roomId), wanted, options));
  }

  /** Puts everyone out. @param {string} roomId @param {CallOptions} [options] */
  async closeRoom(roomId, options) {
    await this.#call('DELETE', pathOf(roomId), undefined, options);
  }

  /** Who is in a room, for those in it and its creator; any of the roles, any of the tags.
   * @param {string} roomId @param {PeersOptions & CallOptions} [options] @returns {AsyncGenerator<Peer>} */
  async *peers(roomId, { role = [], tags = [], ...options } = {}) {
    for await (const peer of this.#pages(pathOf(roomId, 'peers'), { role, tag: tags }, options)) yield peerOf(peer);
  }

  /** @param {string} roomId @param {string} peerId @param {CallOptions} [options] */
  async removePeer(roomId, peerId, options) {
    await this.#call('DELETE', pathOf(roomId, 'peers', peerId), undefined, options);
  }

  /** Makes a join token, to be given as `token`: a secret. Its end is in Unix seconds.
   * @param {string} roomId @param {JoinTokenOptions & CallOptions} [options] @returns {Promise<{ token: string, expiresAt: number }>} */
  async mintToken(roomId, { role, peerId, groups, grants, ttlS, ...options } = {}) {
    const wanted = given({ role, peer_id: peerId, groups, grants, ttl_s: ttlS });
    return camel(await this.#call('POST', pathOf(roomId, 'tokens'), wanted, options));
  }

  /** A new room token; the old one and all join tokens open nothing any more.
   * @param {string} roomId @param {CallOptions} [options] @returns {Promise<string>} */
  async rotateToken(roomId, options) {
    return text(await this.#call('POST', pathOf(roomId, 'rotate-token'), {}, options), 'token');
  }

  /** With fresh credentials, good for `ttlS` seconds.
   * @param {CallOptions} [options] @returns {Promise<{ iceServers: RTCIceServer[], ttlS: number }>} */
  async iceServers(options) {
    return camel(await this.#call('GET', '/api/ice-servers', undefined, options));
  }

  /**
   * Removes a peer, or, called by a room's creator, the room and everyone in it.
   * @param {string} peerId
   * @param {CallOptions & { roomId?: string }} [options] `roomId` says which, when the peer id exists in several rooms
   * @returns {Promise<string>} the server's word for what it did
   */
  async deletePeersAndRoom(peerId, { roomId, ...options } = {}) {
    const body = given({ peer_id: peerId, room_id: roomId });
    return text(await this.#call('POST', '/delete-peers-and-room', body, options), 'status');
  }

  /** @param {string} path @param {Record<string, string | string[]>} query @param {CallOptions} [options] @returns {AsyncGenerator<any>} */
  async *#pages(path, query, options) {
    const fields = new URLSearchParams(Object.entries(query).flatMap(([key, value]) => [value].flat().map((one) => [key, one])));
    for (let cursor = ''; cursor !== null; fields.set('cursor', cursor)) {
      const page = await this.#call('GET', `${path}?${fields}`, undefined, options);
      yield* page.items;
      if (typeof page.next !== 'string') return;
      cursor = page.next;
    }
  }

  /** @param {string} method @param {string} path @param {object | undefined} body @param {CallOptions} [options] @returns {Promise<any>} */
  async #call(method, path, body, { signal, fetch = this.#fetch } = {}) {
    const deadline = AbortSignal.timeout(HTTP_TIMEOUT_MS);
    /** @type {Record<string, string>} */
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
    if (this.#idToken !== undefined) headers.Authorization = `Bearer ${this.#idToken}`;
    try {
      const response = await fetch(new URL(path, this.#url), {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      });
      if (response.status === 204) return null;
      const reply = /** @type {any} */ (await response.json().catch(() => null));
      const record = typeof reply === 'object' && reply !== null ? reply : null;
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
  return new Api(url).signIn(options);
}

/** Creates a room. Whoever has its id and token can enter, until it expires.
 * @param {string} url of the server @param {string} idToken @param {RoomOptions & CallOptions} [options] @returns {Promise<Room>} */
export function createRoom(url, idToken, options) {
  return new Api(url, { idToken }).createRoom(options);
}

/** See `Api.deletePeersAndRoom`. @param {string} url of the server @param {string} idToken @param {string} peerId
 * @param {CallOptions & { roomId?: string }} [options] @returns {Promise<string>} */
export function deletePeersAndRoom(url, idToken, peerId, options) {
  return new Api(url, { idToken }).deletePeersAndRoom(peerId, options);
}

/** The path of a room, or of something in it. @param {string[]} parts */
function pathOf(...parts) {
  // With these a URL means another path (RFC 3986 section 5.2.4).
  if (parts.some((part) => ['', '.', '..'].includes(part))) {
    throw new HeliographError('BAD_NAME', 'An empty name, . and .. cannot be part of an address');
  }
  return ['/api/rooms', ...parts.map(encodeURIComponent)].join('/');
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

/**
 * @param {Record<string, unknown>} reply
 * @param {string} field
 * @returns {string}
 */
function text(reply, field) {
  const value = reply[field];
  if (typeof value !== 'string') throw new HeliographError('BAD_REPLY', `The server's answer has no ${field}`);
  return value;
}

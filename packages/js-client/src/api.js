/** All of the server's HTTP calls. */

import { Credentials } from './credentials.js';
import { HeliographError } from './errors.js';
import { text } from './http.js';
import { camel, given, peerOf } from './peer.js';

/** @typedef {import('./peer.js').Peer} Peer */
/** @typedef {import('./http.js').CallOptions} CallOptions */
/** @typedef {import('./http.js').RoomOptions} RoomOptions */
/** @typedef {import('./http.js').Policy} Policy */
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
export class Api extends Credentials {
  /** The user's rooms, newest first. @param {CallOptions} [options] @returns {AsyncGenerator<RoomDetails>} */
  async *rooms(options) {
    for await (const room of this.#pages('/api/rooms', {}, options)) yield camel(room);
  }

  /** One that the user created or is in. @param {string} roomId @param {CallOptions} [options] @returns {Promise<RoomDetails>} */
  async room(roomId, options) {
    return camel(await this.call('GET', pathOf(roomId), undefined, options));
  }

  /** Changes a room; a name or policy of null takes it away.
   * @param {string} roomId @param {RoomOptions & CallOptions} changes @returns {Promise<RoomDetails>} */
  async updateRoom(roomId, { name, ttlS, maxPeers, policy, ...options }) {
    const wanted = given({ name, ttl_s: ttlS, max_peers: maxPeers, policy });
    return camel(await this.call('PATCH', pathOf(roomId), wanted, options));
  }

  /** Puts everyone out. @param {string} roomId @param {CallOptions} [options] */
  async closeRoom(roomId, options) {
    await this.call('DELETE', pathOf(roomId), undefined, options);
  }

  /** Who is in a room, for those in it and its creator; any of the roles, any of the tags.
   * @param {string} roomId @param {PeersOptions & CallOptions} [options] @returns {AsyncGenerator<Peer>} */
  async *peers(roomId, { role = [], tags = [], ...options } = {}) {
    for await (const peer of this.#pages(pathOf(roomId, 'peers'), { role, tag: tags }, options)) yield peerOf(peer);
  }

  /** @param {string} roomId @param {string} peerId @param {CallOptions} [options] */
  async removePeer(roomId, peerId, options) {
    await this.call('DELETE', pathOf(roomId, 'peers', peerId), undefined, options);
  }

  /** Makes a join token, to be given as `token`: a secret. Its end is in Unix seconds.
   * @param {string} roomId @param {JoinTokenOptions & CallOptions} [options] @returns {Promise<{ token: string, expiresAt: number }>} */
  async mintToken(roomId, { role, peerId, groups, grants, ttlS, ...options } = {}) {
    const wanted = given({ role, peer_id: peerId, groups, grants, ttl_s: ttlS });
    return camel(await this.call('POST', pathOf(roomId, 'tokens'), wanted, options));
  }

  /** A new room token; the old one and all join tokens open nothing any more.
   * @param {string} roomId @param {CallOptions} [options] @returns {Promise<string>} */
  async rotateToken(roomId, options) {
    return text(await this.call('POST', pathOf(roomId, 'rotate-token'), {}, options), 'token');
  }

  /**
   * Removes a peer, or, called by a room's creator, the room and everyone in it.
   * @param {string} peerId
   * @param {CallOptions & { roomId?: string }} [options] `roomId` says which, when the peer id exists in several rooms
   * @returns {Promise<string>} the server's word for what it did
   */
  async deletePeersAndRoom(peerId, { roomId, ...options } = {}) {
    const body = given({ peer_id: peerId, room_id: roomId });
    return text(await this.call('POST', '/delete-peers-and-room', body, options), 'status');
  }

  /** @param {string} path @param {Record<string, string | string[]>} query @param {CallOptions} [options] @returns {AsyncGenerator<any>} */
  async *#pages(path, query, options) {
    const fields = new URLSearchParams(Object.entries(query).flatMap(([key, value]) => [value].flat().map((one) => [key, one])));
    for (let cursor = ''; cursor !== null; fields.set('cursor', cursor)) {
      const page = await this.call('GET', `${path}?${fields}`, undefined, options);
      yield* page.items;
      if (typeof page.next !== 'string') return;
      cursor = page.next;
    }
  }
}

/** The path of a room, or of something in it. @param {string[]} parts */
function pathOf(...parts) {
  // With these a URL means another path (RFC 3986 section 5.2.4).
  if (parts.some((part) => ['', '.', '..'].includes(part))) {
    throw new HeliographError('BAD_NAME', 'An empty name, . and .. cannot be part of an address');
  }
  return ['/api/rooms', ...parts.map(encodeURIComponent)].join('/');
}

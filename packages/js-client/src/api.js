/** The server's HTTP calls. */

import { HeliographError, RequestRefused, ServerUnreachable } from './errors.js';

export const HTTP_TIMEOUT_MS = 10_000;

/**
 * @typedef {object} CallOptions
 * @property {AbortSignal} [signal]
 * @property {typeof globalThis.fetch} [fetch]
 */
/** @typedef {{ idToken: string, username: string }} Identity */
/** @typedef {{ roomId: string, token: string, expiresAt: number }} Room `expiresAt` in Unix seconds */

/**
 * Signs in without an account.
 * @param {string} url of the server
 * @param {CallOptions} [options]
 * @returns {Promise<Identity>}
 */
export async function signIn(url, options) {
  const reply = await post(url, '/anonymous-signin', null, {}, options);
  return { idToken: text(reply, 'id_token'), username: text(reply, 'username') };
}

/**
 * Creates a room. Whoever has its id and token can enter, until it expires.
 * @param {string} url of the server
 * @param {string} idToken
 * @param {CallOptions} [options]
 * @returns {Promise<Room>}
 */
export async function createRoom(url, idToken, options) {
  const reply = await post(url, '/create-room', idToken, {}, options);
  return { roomId: text(reply, 'room_id'), token: text(reply, 'token'), expiresAt: Number(reply.expires_at) };
}

/**
 * Removes a peer, or, called by a room's creator, the room and everyone in it.
 * @param {string} url of the server
 * @param {string} idToken
 * @param {string} peerId
 * @param {CallOptions & { roomId?: string }} [options] `roomId` says which, when the peer id exists in several rooms
 * @returns {Promise<string>} the server's word for what it did
 */
export async function deletePeersAndRoom(url, idToken, peerId, { roomId, ...options } = {}) {
  const body = { peer_id: peerId, ...(roomId === undefined ? {} : { room_id: roomId }) };
  return text(await post(url, '/delete-peers-and-room', idToken, body, options), 'status');
}

/**
 * @param {string} url
 * @param {string} path
 * @param {string | null} idToken
 * @param {object} body
 * @param {CallOptions} [options]
 * @returns {Promise<Record<string, unknown>>}
 */
async function post(url, path, idToken, body, { signal, fetch = globalThis.fetch.bind(globalThis) } = {}) {
  const deadline = AbortSignal.timeout(HTTP_TIMEOUT_MS);
  /** @type {Record<string, string>} */
  const headers = { 'Content-Type': 'application/json' };
  if (idToken !== null) headers.Authorization = `Bearer ${idToken}`;
  try {
    const response = await fetch(new URL(path, url), {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    });
    const reply = /** @type {unknown} */ (await response.json().catch(() => null));
    const record = typeof reply === 'object' && reply !== null ? /** @type {Record<string, unknown>} */ (reply) : null;
    if (!response.ok) throw refused(response, record);
    if (record === null) throw new HeliographError('BAD_REPLY', `${path} did not answer with a JSON object`);
    return record;
  } catch (error) {
    if (error instanceof HeliographError) throw error;
    if (signal?.aborted) throw signal.reason;
    throw new ServerUnreachable(`The server at ${new URL(url).host} did not answer`, { cause: error });
  }
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

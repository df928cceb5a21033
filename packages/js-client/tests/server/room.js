/** Rooms and peers on the real server that this page comes from, and the levers on what is between. */

import { Api } from '../../src/api.js';
import { connect } from '../../src/index.js';

/** What the Python side of the test offers. */
export const stage = /** @type {Record<string, (value?: number | null) => Promise<any>>} */ (
  new Proxy({}, { get: (_, name) => /** @type {any} */ (globalThis)[`stage_${String(name)}`] })
);

/** A new room of a new user. */
export async function newRoom() {
  const { idToken } = await new Api(location.origin).signIn();
  const api = new Api(location.origin, { idToken });
  const room = await api.createRoom();
  return { api, idToken, room };
}

/**
 * @param {{ room: { roomId: string, token: string } }} place
 * @param {string} peerId
 * @param {Partial<import('../../src/session.js').ConnectOptions>} [options]
 */
export function enter({ room }, peerId, options = {}) {
  return connect({ room: room.roomId, token: room.token, peerId, random: () => 0.01, ...options });
}

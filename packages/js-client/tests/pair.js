/** Two peers in one page, to be connected to each other. */

import { connect } from '../src/index.js';
import { FakeServer } from './fake-server.js';
import { next } from './harness.js';

/** @typedef {import('../src/session.js').ConnectOptions} ConnectOptions */

/**
 * @param {FakeServer} server
 * @param {string} peerId
 * @param {Partial<ConnectOptions>} [options]
 */
export function enter(server, peerId, options = {}) {
  const signaling = { WebSocket: server.WebSocket, network: new EventTarget(), ...options.signaling };
  return connect({ room: 'room1234', token: 'secret', peerId, idToken: 'jwt', ...options, signaling });
}

/**
 * Two connected sessions, `a` having dialled `b`.
 * @param {Partial<ConnectOptions>} [options] of both
 * @param {FakeServer} [server]
 */
export async function connectedPair(options = {}, server = new FakeServer()) {
  const [a, b] = await Promise.all([enter(server, 'a', options), enter(server, 'b', options)]);
  const incoming = next(b, 'connection');
  const ab = await a.connect('b');
  const ba = await /** @type {import('../src/index.js').ConnectionEvent} */ (await incoming).connection.opened();
  const close = () => [a, b].forEach((session) => session.close());
  return { server, a, b, ab, ba, close };
}

/** For those who come back without delay. */
export const soon = { random: () => 0 };

/** @param {EventTarget} target @param {string} state @returns {Promise<import('../src/index.js').StateEvent<string>>} */
export function state(target, state) {
  return next(target, 'state', (/** @type {import('../src/index.js').StateEvent<string>} */ event) => event.state === state);
}

/** @param {import('../src/index.js').Connection} connection @returns {import('../src/index.js').Channel} */
export function chatOf(connection) {
  if (connection.chat === null) throw new Error('there is no chat');
  return connection.chat;
}

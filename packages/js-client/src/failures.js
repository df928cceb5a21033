/** The errors of a connection that is over. */

import { ConnectionClosed, ConnectionLost } from './errors.js';

/** @param {string} what */
export function lost(what) {
  return new ConnectionLost('CONNECTION_LOST', `The path ${what} broke`);
}

/** @param {string} message */
export function closed(message) {
  return new ConnectionClosed('CONNECTION_CLOSED', message);
}

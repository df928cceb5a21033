/** What others can call on this page, so that two browsers have something to show each other. */

import { RpcError } from '/sdk/errors.js';

const MAX_COUNT = 1000;
const BEAT_MS = 200;

/** What this page says of itself to everyone in the room. */
export const METHODS = ['echo', 'count', 'time'];

/** @param {import('/sdk/index.js').Session} session */
export function serveMethods(session) {
  session.serve('echo', (args) => (args.length === 1 ? args[0] : args));
  session.serve('time', () => new Date().toISOString());
  session.serve('count', async function* ([to = 10], { signal }) {
    if (!Number.isInteger(to) || to < 1 || to > MAX_COUNT) {
      throw new RpcError('INVALID_ARGUMENTS', `count takes a whole number from 1 to ${MAX_COUNT}`);
    }
    for (let number = 1; number <= to && !signal.aborted; number += 1) {
      if (number > 1) await beat(signal);
      yield number;
    }
  });
}

/** @param {AbortSignal} signal @returns {Promise<void>} */
function beat(signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, BEAT_MS);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/** What a screen reader is told of that has no place on the page that it would read out by itself. */

import { find } from './dom.js';

/** Of a crowd coming in, one sentence is said, not fifty. */
const GATHER_MS = 600;

/** @type {string[]} */
let waiting = [];

/** @param {string} sentence */
export function announce(sentence) {
  waiting.push(sentence);
  if (waiting.length > 1) return;
  setTimeout(() => {
    const [first = '', ...rest] = waiting;
    waiting = [];
    find('#announcer').textContent = rest.length === 0 ? first : `${first} And ${rest.length} more changes.`;
  }, GATHER_MS);
}

/** How long to wait before trying the server again. */

export const FIRST_DELAY_MS = 250;
export const LONGEST_DELAY_MS = 10_000;

/** What a connection that did not hold counts as: the server is there, and a session does not wait for long. */
export const SHAKY_ATTEMPTS = 2;

/**
 * Doubling, and left to chance, so that the clients of a restarted server do not all return at once.
 * @param {number} attempt 0 for the first
 * @param {() => number} random in [0, 1)
 * @returns {number} milliseconds
 */
export function delayMs(attempt, random) {
  return random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
}

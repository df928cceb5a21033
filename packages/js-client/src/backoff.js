/** How long to wait before trying the server again. */

export const FIRST_DELAY_MS = 250;
export const LONGEST_DELAY_MS = 10_000;

/**
 * Doubling, with half of it left to chance, so that the clients of a restarted server do not all return at once.
 * @param {number} attempt 0 for the first
 * @param {() => number} random in [0, 1)
 * @returns {number} milliseconds
 */
export function delayMs(attempt, random) {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return ceiling * (0.5 + random() / 2);
}

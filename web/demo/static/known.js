/** Looking up words that somebody else chose. */

/**
 * What a table has for a word. `constructor`, which every object has, is in no table.
 * @template T
 * @param {Record<string, T>} table
 * @param {string} word
 * @returns {T | undefined}
 */
export function known(table, word) {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}

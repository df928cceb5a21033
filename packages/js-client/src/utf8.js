/** @param {string} text @returns {number} its size in bytes as UTF-8 */
export function utf8Length(text) {
  return new TextEncoder().encode(text).length;
}

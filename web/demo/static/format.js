/** Amounts, for people. */

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** @param {number} count @returns {string} */
export function bytes(count) {
  const power = Math.min(UNITS.length - 1, count < 1000 ? 0 : Math.floor(Math.log10(count) / 3));
  const amount = count / 1000 ** power;
  return `${amount.toFixed(power === 0 || amount >= 100 ? 0 : 1)} ${UNITS[power]}`;
}

/** @param {number} count bytes @param {number} ms @returns {string} */
export function rate(count, ms) {
  return `${bytes(Math.round((count / Math.max(ms, 1)) * 1000))}/s`;
}

/** @param {number} ms @returns {string} */
export function duration(ms) {
  if (ms < 1000) return `${Math.max(1, Math.round(ms))} ms`;
  const seconds = ms / 1000;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

/** @param {Date} time @returns {string} */
export function clock(time) {
  return CLOCK.format(time);
}

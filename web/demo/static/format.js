/** Amounts and values, for people. */

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

/** A JSON value on one line, cut where it gets long. @param {unknown} value @param {number} length @returns {string} */
export function oneLine(value, length) {
  return cut(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null'), length);
}

/** @param {string} text @param {number} length @returns {string} */
export function cut(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** What travels on a file's channel: see `heliograph_protocol.datachannel`, and docs/protocol.md. */

/** The most content in one frame. */
export const FRAME_BYTES = 65_536;
/** There is a checkpoint at each multiple of this, and at the end. */
export const CHUNK_BYTES = 1_048_576;
const NAME_CHARACTERS = 255;

/** @typedef {import('./protocol.js').FileControl} FileControl */
/**
 * @param {FileControl} message
 * @returns {string}
 */
export function encode(message) {
  return JSON.stringify(message);
}

/**
 * @param {import('./channel.js').Frame} frame
 * @returns {Record<string, unknown> | null} null for what is no control message
 */
export function decode(frame) {
  if (typeof frame !== 'string') return null;
  try {
    const value = JSON.parse(frame);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/**
 * A file name without path, control and direction-changing characters, fit to be shown and saved.
 * @param {string} name
 * @returns {string}
 */
export function bareName(name) {
  const last = name.split(/[/\\]/).at(-1) ?? '';
  const clean = last.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '').trim();
  const bare = [...clean].slice(0, NAME_CHARACTERS).join('');
  return bare === '' || bare === '.' || bare === '..' ? 'file' : bare;
}

/** @param {unknown} value */
export function isBytes(value) {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** What a reload takes over: the place in the room, whom one talked to, and what was said. This tab's alone. */

const STORE = 'heliograph:visit';
/** Messages with one peer that are kept. */
const MAX_TEXTS = 100;
/** Longer ones are not kept: the store of a tab is small. */
export const MAX_KEPT_LENGTH = 2000;

/** @typedef {{ direction: 'out' | 'in', text: string, at: number }} Said `at` in milliseconds */
/**
 * @typedef {object} KeptVisit
 * @property {string} room
 * @property {string} peerId
 * @property {object | null} ticket the session's: a secret
 * @property {string[]} connected whom there was a connection with
 * @property {string | null} shown
 * @property {Record<string, Said[]>} said with each peer
 */

/** @param {KeptVisit} visit */
export function keepVisit(visit) {
  const said = Object.entries(visit.said).map(([peerId, texts]) => [peerId, texts.slice(-MAX_TEXTS)]);
  try {
    sessionStorage.setItem(STORE, JSON.stringify({ ...visit, said: Object.fromEntries(said) }));
  } catch {
    // The store is full: without what was said it is small.
    sessionStorage.setItem(STORE, JSON.stringify({ ...visit, said: {} }));
  }
}

export function forgetVisit() {
  sessionStorage.removeItem(STORE);
}

/**
 * The visit before the reload, if it was to that room and by that peer. It stays in the store until another one takes its
 * place, since a page may be reloaded again before it is in the room.
 * @param {string} room @param {string} peerId
 * @returns {KeptVisit | null}
 */
export function readVisit(room, peerId) {
  try {
    const visit = JSON.parse(sessionStorage.getItem(STORE) ?? 'null');
    const isSound = Array.isArray(visit?.connected) && typeof visit.said === 'object' && visit.said !== null;
    return isSound && visit.room === room && visit.peerId === peerId ? visit : null;
  } catch {
    return null;
  }
}

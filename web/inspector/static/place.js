/** Where one is, as the fragment of the address says, which browsers send to nobody. */

/**
 * @typedef {object} Place
 * @property {string | null} room
 * @property {string[]} peers at most two
 * @property {string | null} [token] of the room, for those who are not its server's operator
 */

/** @param {string} hash @returns {Place & { token: string | null }} */
export function placeOf(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  const peers = (fields.get('peers') ?? '').split(',').filter((name) => name !== '').slice(0, 2);
  return { room: fields.get('room')?.trim() || null, token: fields.get('token')?.trim() || null, peers };
}

/** @param {Place} place @returns {string} */
export function addressOf({ room, peers, token }) {
  const fields = new URLSearchParams();
  if (room !== null) fields.set('room', room);
  if (token) fields.set('token', token);
  if (peers.length > 0) fields.set('peers', peers.join(','));
  return `#${fields}`;
}

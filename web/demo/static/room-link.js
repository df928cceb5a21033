/** Links to a room. The token travels in the fragment, which browsers do not send to servers. */

/**
 * @typedef {object} RoomTarget
 * @property {string} room
 * @property {string} token
 * @property {string | null} connect a peer to connect to at once
 */

/**
 * @param {string} link a URL, or only its fragment
 * @returns {RoomTarget | null} null for what is no room link
 */
export function parseRoomLink(link) {
  const hash = link.slice(link.indexOf('#') + 1);
  const fields = new URLSearchParams(hash);
  const [room, token] = [fields.get('room')?.trim(), fields.get('token')?.trim()];
  return room && token ? { room, token, connect: fields.get('connect')?.trim() || null } : null;
}

/**
 * @param {string} room
 * @param {string} token
 * @returns {string}
 */
export function roomLink(room, token) {
  return `${location.origin}/#${new URLSearchParams({ room, token })}`;
}

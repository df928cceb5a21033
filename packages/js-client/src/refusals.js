/** The error for each code that the protocol has for saying no. */

import * as errors from './errors.js';

/** @typedef {import('./protocol.js').ErrorCode} ErrorCode */

/** @type {Record<ErrorCode, typeof errors.Refused>} */
const REFUSALS = {
  INTERNAL: errors.InternalError,
  INVALID_ID_TOKEN: errors.InvalidIdToken,
  INVALID_JSON: errors.InvalidJson,
  INVALID_MESSAGE: errors.InvalidMessage,
  INVALID_ROOM_TOKEN: errors.InvalidRoomToken,
  MESSAGE_TOO_BIG: errors.MessageTooBig,
  NOT_PERMITTED: errors.NotPermitted,
  NOT_REGISTERED: errors.NotRegistered,
  PEER_ID_TAKEN: errors.PeerIdTaken,
  PEER_NOT_FOUND: errors.PeerNotFound,
  PEER_AWAY_BUFFER_FULL: errors.PeerAwayBufferFull,
  NO_PEER_AVAILABLE: errors.NoPeerAvailable,
  RATE_LIMITED: errors.RateLimited,
  ROOM_EXPIRED: errors.RoomExpired,
  ROOM_FULL: errors.RoomFull,
  ROOM_NOT_FOUND: errors.RoomNotFound,
  SENDER_MISMATCH: errors.SenderMismatch,
  STORE_UNAVAILABLE: errors.StoreUnavailable,
  UNKNOWN_MESSAGE_TYPE: errors.UnknownMessageType,
};

/**
 * The error for an `error` message of the server. A code of a newer server becomes a plain `Refused`.
 * @param {import('./protocol.js').ErrorMessage} message
 * @returns {errors.Refused}
 */
export function refusal({ code = '', message = '', reason = '' }) {
  const Kind = Object.hasOwn(REFUSALS, code) ? REFUSALS[/** @type {ErrorCode} */ (code)] : errors.Refused;
  return new Kind(code || 'REFUSED', message || reason || 'The server refused');
}

/** @type {Record<number, [typeof errors.SignalingClosed, string, string]>} */
const CLOSES = {
  1001: [errors.Restarting, 'SERVER_GOING_AWAY', 'The server is going away'],
  1009: [errors.SignalingClosed, 'MESSAGE_TOO_BIG', 'A message was bigger than the server allows'],
  1012: [errors.Restarting, 'SERVER_RESTARTING', 'The server is restarting'],
  4000: [errors.NotTheProtocol, 'NOT_THE_PROTOCOL', 'The server heard nothing that it understood for too long'],
  4001: [errors.Replaced, 'REPLACED', 'The same peer id was connected again from elsewhere, and that one took over'],
  4003: [errors.Removed, 'REMOVED', 'This peer was removed, or its room was closed'],
  4008: [errors.OverLimit, 'OVER_LIMIT', 'Too many messages or attempts'],
  4009: [errors.TooSlow, 'TOO_SLOW', 'This side was too slow to take what the server sent'],
};

/**
 * The error for a WebSocket that closed.
 * @param {number} closeCode
 * @returns {errors.SignalingClosed}
 */
export function closure(closeCode) {
  const [Kind, code, message] = CLOSES[closeCode] ?? [
    errors.SignalingClosed,
    'CONNECTION_DROPPED',
    'The server hung up',
  ];
  return new Kind(closeCode, code, message);
}

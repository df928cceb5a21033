/** The error for each code that the protocol has for saying no. */

import { wordOf } from './code-words.js';
import * as errors from './errors.js';
import { InvalidIdToken, InvalidJson, InvalidMessage, InvalidRoomToken, MessageTooBig, NoPeerAvailable } from './errors.js';
import { NotPermitted, NotRegistered, PeerAwayBufferFull, PeerIdTaken, PeerNotFound, RateLimited, RoomExpired } from './errors.js';
import { RoomFull, RoomNotFound, SenderMismatch, StoreUnavailable, UnknownMessageType } from './errors.js';

/** By their codes as words. @type {Record<string, typeof errors.Refused>} */
const REFUSALS = {
  ...{ InvalidIdToken, InvalidJson, InvalidMessage, InvalidRoomToken, MessageTooBig, NoPeerAvailable, NotPermitted },
  ...{ NotRegistered, PeerAwayBufferFull, PeerIdTaken, PeerNotFound, RateLimited, RoomExpired, RoomFull, RoomNotFound },
  ...{ SenderMismatch, StoreUnavailable, UnknownMessageType, Internal: errors.InternalError },
};

/**
 * The error for an `error` message of the server: `ROOM_FULL` is a `RoomFull`. A code of a newer server becomes a plain
 * `Refused`.
 * @param {import('./protocol.js').ErrorMessage} message
 * @returns {errors.Refused}
 */
export function refusal({ code = '', message = '', reason = '' }) {
  const name = wordOf(code);
  const Refused = (Object.hasOwn(REFUSALS, name) && REFUSALS[name]) || errors.Refused;
  return new Refused(code || 'REFUSED', message || reason || 'The server refused');
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

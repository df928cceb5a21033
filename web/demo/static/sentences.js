/** What to tell a person when something fails: what happened, and what to try. */

import { ConnectError, FileUnwritable, HeliographError, RequestRefused } from '/sdk/errors.js';
import { known } from './known.js';

/** @typedef {{ title: string, advice: string, detail: string | null }} Sentence */

const ASK_FOR_LINK = 'Ask for the room link again and copy all of it, or create a room of your own.';
const BACK_SOON = 'It is usually back in a moment. Connections that are open go on without it.';

/** @type {Record<string, [string, string]>} */
const SENTENCES = {
  SERVER_UNREACHABLE: [
    'The server cannot be reached.',
    'Check that you are online and that the server is running, then try again.',
  ],
  REPLY_TIMEOUT: ['The server does not answer.', 'It may be very busy. Try again in a moment.'],
  CONNECTION_DROPPED: ['The connection to the server dropped.', BACK_SOON],
  SERVER_RESTARTING: ['The server is restarting.', BACK_SOON],
  SERVER_GOING_AWAY: ['The server is going away.', BACK_SOON],
  SIGNALING_DOWN: [
    'There is no connection to the server right now.',
    'The page is trying to get it back. Try again in a moment.',
  ],
  INVALID_ROOM_TOKEN: ['That token does not open this room.', ASK_FOR_LINK],
  ROOM_NOT_FOUND: [
    'There is no such room.',
    'It may have been closed, or the id has a slip in it. Check it, or create a new room.',
  ],
  ROOM_EXPIRED: ['This room has expired.', 'Nobody new can come in any more. Create a new room and share its link.'],
  ROOM_FULL: ['This room is full.', 'Try again when somebody has left, or create a room of your own.'],
  PEER_ID_TAKEN: ['Somebody else uses this name in the room.', 'Reload the page to get another one.'],
  INVALID_ID_TOKEN: ['Your sign-in is no longer valid.', 'Reload the page to sign in again.'],
  STORE_UNAVAILABLE: ['The server cannot look up rooms right now.', 'Try again in a moment.'],
  RATE_LIMITED: ['That was too much in too short a time.', 'Wait a minute, then try again.'],
  OVER_LIMIT: ['The server hung up: too many messages or attempts.', 'Wait a minute, then join again.'],
  TOO_SLOW: ['This device could not keep up with the server.', 'Join again.'],
  REPLACED: [
    'This room is open in another tab, under the same name.',
    'Go on there, or join again here, which ends it there.',
  ],
  REMOVED: ['You were removed, or the room was closed.', 'Ask whoever opened the room, or create a new one.'],
  INVALID_MESSAGE: ['The server did not accept this.', 'Check the room id and the token.'],
  PEER_NOT_FOUND: ['They have left the room.', 'The page connects when they are back and you press Connect.'],
  WORKER_BUSY: ['This worker is busy with somebody else.', 'Try again when it is free, or connect to another one.'],
  DESCRIPTION_REFUSED: [
    'The two sides speak different dialects of WebRTC.',
    'Try with another browser, or update the program on the other side.',
  ],
  CONNECTION_LOST: ['The direct connection broke.', 'One of you may have changed networks. Connect again.'],
  CONNECT_TO_SELF: ['That is this tab.', 'Open the room link in a second tab to talk to yourself.'],
  FRAME_TOO_BIG: ['The message is too long.', 'Send it as a file.'],
  NOBODY_FREE: [
    'No worker is free.',
    'All of them are claimed by others. Try again in a while, or connect to one without claiming it.',
  ],
  NOT_PERMITTED: ['You may not do that in this room.', 'Whoever opened the room can give you a link that allows it.'],
  DELIVERY_UNKNOWN: ['Nobody can say whether that arrived.', 'The connection to the server was lost meanwhile. Try again.'],
  SEND_QUEUE_FULL: ['Too much waits for the server.', 'Wait until it is back in reach.'],
  CHANNEL_OVERFLOW: ['They sent more than this page could take.', 'Connect again, and ask them to go slower.'],
  CHANNEL_CLOSED: ['The channel closed before that was through.', 'Connect again.'],
  CONNECTION_CLOSED: ['The connection is closed.', 'Connect again.'],
  NOT_CONNECTED: ['There is nobody to send that to.', 'Connect to somebody first, then drop it again.'],
  SEND_STALLED: ['Nothing gets through to the other side.', 'The connection may be broken. Hang up and connect again.'],
};

/**
 * @param {unknown} error
 * @returns {Sentence}
 */
export function sentenceFor(error) {
  if (error instanceof ConnectError && (error.code === 'CONNECT_TIMEOUT' || error.code === 'ICE_FAILED'))
    return noPath(error);
  if (error instanceof RequestRefused && error.retryAfterS !== null) {
    return {
      title: 'That was too much in too short a time.',
      advice: `Try again in ${error.retryAfterS} s.`,
      detail: null,
    };
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const [title, advice] = known(SENTENCES, code) ?? [
    'Something went wrong.',
    error instanceof Error ? error.message : String(error),
  ];
  return { title, advice, detail: error instanceof ConnectError ? error.message : null };
}

/** @param {ConnectError} error @returns {Sentence} */
function noPath({ report, message }) {
  const { peerId, answered, iceServers, localCandidates, remoteCandidates } = report;
  const hasRelay = 'relay' in localCandidates || 'relay' in remoteCandidates;
  let advice = 'Try another network, or without a VPN.';
  if (!answered) {
    advice = 'It is in the room but did not answer. It may be busy, asleep or stuck; try again in a moment.';
  } else if (!hasRelay) {
    advice = `A firewall is probably between you. Use the same network, or ask whoever runs this server for a ${
      iceServers === 0 ? 'STUN and a TURN' : 'TURN'
    } server.`;
  }
  return { title: `No way through to ${peerId}.`, advice, detail: message };
}

/** What an ended attempt at a file is called, and whether another one can go on from there. @type {Record<string, [string, boolean]>} */
const FILE_ENDINGS = {
  TOO_BIG: ['Too big for the other side', false],
  CHECKSUM_MISMATCH: ['Damaged on the way: the checksums differ. Send it again', false],
  SIZE_MISMATCH: ['Incomplete: the sizes differ. Send it again', false],
  NO_SPACE: ['No room for it on the other side. Ask them to make some', true],
  NOT_WANTED: ['The other side does not take this file now. Ask them, then send it again', false],
  BAD_MESSAGE: ['The other side does not understand the format', false],
  BAD_HEADER: ['The other side does not understand the format', false],
  CANCELLED: ['Stopped by the other side', true],
  FILE_INTERRUPTED: ['Interrupted: the other side stopped or is gone', true],
  FILE_UNREADABLE: ['The file changed or cannot be read any more. Choose it again', false],
  NO_RECEIPT: ['The other side did not confirm it', true],
  CHANNEL_CLOSED: ['Interrupted: the connection closed', true],
  CONNECTION_CLOSED: ['Interrupted: the connection closed', true],
  CONNECTION_LOST: ['Interrupted: the connection broke', true],
  SEND_STALLED: ['Stuck: nothing gets through any more', true],
  RECEIVE_TIMEOUT: ['Stuck: nothing comes any more', true],
};

/** @param {unknown} error @returns {{ words: string, canResume: boolean }} */
export function fileEnding(error) {
  if (error instanceof FileUnwritable) return { words: error.message, canResume: false }; // here, not over there
  if (error instanceof DOMException && error.name === 'AbortError') return { words: 'Cancelled', canResume: false };
  if (error instanceof DOMException && error.name === 'NetworkError') {
    return { words: 'Not connected: connect again first', canResume: true };
  }
  const code = error instanceof HeliographError ? error.code : '';
  const [words, canResume] = known(FILE_ENDINGS, code) ?? [error instanceof Error ? error.message : String(error), false];
  return { words, canResume };
}

/** What an ended call is called. @type {Record<string, string>} */
const CALL_ENDINGS = {
  METHOD_NOT_FOUND: 'They have no such method. Look among their properties for those they have',
  INVALID_ARGUMENTS: 'They do not take this argument',
  TOO_MANY_CALLS: 'They have too much to do already. Try again in a moment',
  HANDLER_FAILED: 'The method failed over there',
  CALL_TIMEOUT: 'No answer for a minute',
  CALL_INTERRUPTED: 'Interrupted: the connection ended before the answer',
  CHANNEL_CLOSED: 'Interrupted: the connection ended before the answer',
};

/** @param {unknown} error @returns {string} */
export function callEnding(error) {
  const code = error instanceof HeliographError ? error.code : '';
  const message = error instanceof Error ? error.message : String(error);
  const words = known(CALL_ENDINGS, code);
  if (code === 'INVALID_ARGUMENTS') return `${words}: ${message}`;
  return words ?? `They answered with an error: ${message}`;
}

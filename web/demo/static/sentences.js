/** What to tell a person when something fails: what happened, and what to try. */

import { ConnectError, HeliographError, RequestRefused } from '/sdk/index.js';

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
  const code = error instanceof HeliographError ? error.code : '';
  const [title, advice] = SENTENCES[code] ?? [
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

/** What an ended file transfer is called. @type {Record<string, string>} */
const FILE_ENDINGS = {
  TOO_BIG: 'Too big for the other side',
  CHECKSUM_MISMATCH: 'Damaged on the way: the checksums differ. Send it again',
  SIZE_MISMATCH: 'Incomplete: the sizes differ. Send it again',
  NOT_WANTED: 'The other side does not take this file now',
  BAD_HEADER: 'The other side does not understand the format',
  FILE_INTERRUPTED: 'Interrupted: the other side stopped or is gone',
  FILE_UNREADABLE: 'The file changed or cannot be read any more',
  NO_RECEIPT: 'The other side did not confirm it',
  CHANNEL_CLOSED: 'Interrupted: the connection closed',
  CONNECTION_CLOSED: 'Interrupted: the connection closed',
  SEND_STALLED: 'Stuck: nothing gets through any more',
  RECEIVE_TIMEOUT: 'Stuck: nothing comes any more',
};

/** @param {unknown} error @returns {string} */
export function fileEnding(error) {
  if (error instanceof DOMException && error.name === 'AbortError') return 'Cancelled';
  const code = error instanceof HeliographError ? error.code : '';
  return FILE_ENDINGS[code] ?? (error instanceof Error ? error.message : String(error));
}

/**
 * Everything that the SDK throws or reports. Programs branch on the class or on `code`; `message` is one sentence for a
 * person, and `name` the code as a word.
 *
 *     HeliographError
 *     ├── ServerUnreachable         no answer over HTTP, or no WebSocket
 *     ├── ReplyTimeout              connected, but the server did not reply in time
 *     ├── RequestRefused            an HTTP call was refused (`status`)
 *     ├── Refused                   the server refused a message; one class for each code of the protocol:
 *     │   ├── InvalidIdToken, InvalidRoomToken, RoomNotFound, RoomExpired, RoomFull, PeerIdTaken, StoreUnavailable
 *     │   ├── PeerNotFound, PeerAwayBufferFull, NoPeerAvailable, NotPermitted, NotRegistered, SenderMismatch, RateLimited
 *     │   └── InvalidJson, InvalidMessage, UnknownMessageType, MessageTooBig, InternalError
 *     ├── SignalingClosed           the server closed the socket (`closeCode`)
 *     │   └── Replaced, Removed, Restarting, OverLimit, TooSlow, NotTheProtocol
 *     ├── SignalingDown             asked for something that needs the server while not connected to it
 *     ├── SendQueueFull             too much waits to be sent to the server
 *     ├── DeliveryUnknown           nobody can say what became of a message: its session was lost
 *     ├── UnsupportedByServer       the server speaks level 1 only
 *     ├── ClaimLost                 a claim ended before it was released
 *     ├── ConnectError              no connection to a peer came about (`report` says what was tried)
 *     │   └── ConnectTimeout, IceFailed, DescriptionRefused, PeerRefused
 *     ├── ConnectionClosed          this connection is over: closed here, or by the other side
 *     │   └── ConnectionLost        the path to the peer broke
 *     ├── ChannelError
 *     │   └── ChannelClosed, ChannelOverflow, ChannelFormatError, FrameTooBig, SendStalled, ReceiveTimeout
 *     ├── RpcError                  a remote call failed (`peerId`); code is the method's own, or `METHOD_NOT_FOUND`,
 *     │                             `INVALID_ARGUMENTS`, `WRONG_KIND`, `TOO_MANY_CALLS`, `HANDLER_FAILED`, `CALL_CANCELLED`,
 *     │                             `CALL_TIMEOUT`, `CALL_INTERRUPTED`
 *     └── FileError                 code is that of the `refused` message, or one of the kinds below
 *         └── FileRefusedByPeer, FileMismatch, FileInterrupted, FileUnreadable, FileUnwritable
 *
 * An aborted wait throws the signal's own reason, as `fetch` does.
 */

import { wordOf } from './code-words.js';

/** @typedef {import('./report.js').ConnectReport} ConnectReport */

export class HeliographError extends Error {
  /**
   * @param {string} code stable, for programs
   * @param {string} message one sentence, for people
   * @param {ErrorOptions} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    /** The code as a word, as consoles show it: names of classes are not the same in minified code. */
    this.name = wordOf(code);
    this.code = code;
  }
}

export class ServerUnreachable extends HeliographError {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super('SERVER_UNREACHABLE', message, options);
  }
}

export class ReplyTimeout extends HeliographError {
  /** @param {string} what @param {number} waitedMs */
  constructor(what, waitedMs) {
    super('REPLY_TIMEOUT', `The server did not reply to ${what} within ${waitedMs / 1000} s`);
  }
}

export class RequestRefused extends HeliographError {
  /** @param {number} status @param {string} detail @param {number | null} retryAfterS from the Retry-After header */
  constructor(status, detail, retryAfterS) {
    super(status === 429 ? 'RATE_LIMITED' : `HTTP_${status}`, detail);
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

export class Refused extends HeliographError {}
export class InvalidIdToken extends Refused {}
export class InvalidRoomToken extends Refused {}
export class RoomNotFound extends Refused {}
export class RoomExpired extends Refused {}
export class RoomFull extends Refused {}
export class PeerIdTaken extends Refused {}
export class StoreUnavailable extends Refused {}
export class PeerNotFound extends Refused {}
export class PeerAwayBufferFull extends Refused {}
export class NoPeerAvailable extends Refused {}
export class NotPermitted extends Refused {}
export class NotRegistered extends Refused {}
export class SenderMismatch extends Refused {}
export class RateLimited extends Refused {}
export class InvalidJson extends Refused {}
export class InvalidMessage extends Refused {}
export class UnknownMessageType extends Refused {}
export class MessageTooBig extends Refused {}
export class InternalError extends Refused {}

export class SignalingClosed extends HeliographError {
  /** @param {number} closeCode of the WebSocket @param {string} code @param {string} message */
  constructor(closeCode, code, message) {
    super(code, message);
    this.closeCode = closeCode;
  }
}
export class Replaced extends SignalingClosed {}
export class Removed extends SignalingClosed {}
export class Restarting extends SignalingClosed {}
export class OverLimit extends SignalingClosed {}
export class TooSlow extends SignalingClosed {}
export class NotTheProtocol extends SignalingClosed {}

export class SignalingDown extends HeliographError {
  constructor() {
    super('SIGNALING_DOWN', 'There is no connection to the server at the moment');
  }
}

export class SendQueueFull extends HeliographError {}
export class DeliveryUnknown extends HeliographError {}
export class UnsupportedByServer extends HeliographError {}
export class ClaimLost extends HeliographError {}

export class ConnectError extends HeliographError {
  /** @param {string} code @param {string} message @param {ConnectReport} report */
  constructor(code, message, report) {
    super(code, message);
    this.report = report;
  }
}
export class ConnectTimeout extends ConnectError {}
export class IceFailed extends ConnectError {}
export class DescriptionRefused extends ConnectError {}
export class PeerRefused extends ConnectError {}

export class ConnectionClosed extends HeliographError {}
export class ConnectionLost extends ConnectionClosed {}

export class ChannelError extends HeliographError {}
export class ChannelClosed extends ChannelError {}
export class ChannelOverflow extends ChannelError {}
export class ChannelFormatError extends ChannelError {}
export class FrameTooBig extends ChannelError {}
export class SendStalled extends ChannelError {}
export class ReceiveTimeout extends ChannelError {}

export class RpcError extends HeliographError {
  /** @param {string} code @param {string} message @param {string | null} [peerId] that was called; null in one of a handler */
  constructor(code, message, peerId = null) {
    super(code, message);
    this.peerId = peerId;
  }
}

export class FileError extends HeliographError {}
export class FileRefusedByPeer extends FileError {}
export class FileMismatch extends FileError {}
export class FileInterrupted extends FileError {}
export class FileUnreadable extends FileError {}
export class FileUnwritable extends FileError {}

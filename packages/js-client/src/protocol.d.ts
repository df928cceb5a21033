// Generated from the message definitions of heliograph-protocol by `nox -s generate`. Changes made here are lost.

/** An SDP answer, forwarded to `target`. */
export interface Answer {
  type: "answer";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  target: string;
  sender?: string | null;
  connection_id?: string;
  sdp: string;
}

/** The ids of all peers in the room, the asker's own included. */
export interface AvailablePeers {
  type: "available_peers";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  peers: string[];
}

/** One trickled ICE candidate (RFC 8838), forwarded to `target`; null after the last one. */
export interface Candidate {
  type: "candidate";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  target: string;
  sender?: string | null;
  connection_id?: string;
  candidate: string | IceCandidateInit | null;
}

export type ClientMessage = Register | Offer | Answer | Candidate | Quit | ErrorMessage | Query | Ping;

/** WebSocket close codes (RFC 6455 section 7.4; 4000 and up are this protocol's own). */
export type CloseCode = 1000 | 1001 | 1007 | 1009 | 1012 | 4000 | 4001 | 4003 | 4008 | 4009;

/** The `code` of an `error` message. Stable: programs branch on it. */
export type ErrorCode = "INTERNAL" | "INVALID_ID_TOKEN" | "INVALID_JSON" | "INVALID_MESSAGE" | "INVALID_ROOM_TOKEN" | "MESSAGE_TOO_BIG" | "NOT_PERMITTED" | "NOT_REGISTERED" | "PEER_ID_TAKEN" | "PEER_NOT_FOUND" | "RATE_LIMITED" | "ROOM_EXPIRED" | "ROOM_FULL" | "ROOM_NOT_FOUND" | "SENDER_MISMATCH" | "STORE_UNAVAILABLE" | "UNKNOWN_MESSAGE_TYPE";

/**
 * A refusal. From the server: `code`, `message` for people, `reason` in the original's words.
 * With a `target` it is a forwarded signal of one peer to another (a worker that refuses an offer, say).
 */
export interface ErrorMessage {
  type: "error";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  code?: string;
  message?: string;
  reason?: string;
  target?: string;
  sender?: string | null;
  connection_id?: string;
}

export type FileControl = FileHeader | FileEnd | FileReceived | FileRefused;

/** All content has been sent. */
export interface FileEnd {
  type: "end";
  /** SHA-256, 64 lower-case hex digits */
  sha256: string;
}

/** Announces a file. `name` is a bare file name: a receiver drops any path in it. */
export interface FileHeader {
  type: "file";
  name: string;
  /** Bytes */
  size: number;
  mime?: string;
}

/** The receiver has it all, and this is what it computed itself. */
export interface FileReceived {
  type: "received";
  /** Bytes */
  size: number;
  /** SHA-256, 64 lower-case hex digits */
  sha256: string;
}

/** The receiver will not take it: `TOO_BIG`, `CHECKSUM_MISMATCH`, `SIZE_MISMATCH`, `NOT_WANTED`, `BAD_HEADER`. */
export interface FileRefused {
  type: "refused";
  code: string;
  message?: string;
}

/** RTCIceCandidateInit (W3C WebRTC section 4.8.1.1). An empty `candidate` marks the end of candidates. */
export interface IceCandidateInit {
  candidate?: string;
  sdpMid?: string | null;
  sdpMLineIndex?: number | null;
  usernameFragment?: string | null;
}

/** An SDP offer (RFC 8829), forwarded to `target`. */
export interface Offer {
  type: "offer";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  target: string;
  sender?: string | null;
  connection_id?: string;
  sdp: string;
}

/** Asks the server for a sign of life. (WebSocket pings are answered too; a browser cannot send those.) */
export interface Ping {
  type: "ping";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
}

/** The answer to `ping`; `time` is the server's clock in Unix seconds. */
export interface Pong {
  type: "pong";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  time: number;
}

/** Asks for the ids of the peers in the room. */
export interface Query {
  type: "query";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
}

/** The sender ends its connection with `target`. */
export interface Quit {
  type: "quit";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  target: string;
  sender?: string | null;
  connection_id?: string;
}

/** The first message of a connection: who I am, which room, and the proofs for both. */
export interface Register {
  type: "register";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  /** 1 to 128 characters of A-Za-z0-9._:@- */
  peer_id: string;
  room_id: string;
  /** The room's token */
  token: string;
  /** JWT from the identity provider */
  id_token: string;
  role?: string;
}

/** The registration succeeded. `token` is the one that was sent. */
export interface RegisteredAuth {
  type: "registered_auth";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  room_id: string;
  token: string;
  peer_id: string;
}

export type ServerMessage = RegisteredAuth | Offer | Answer | Candidate | Quit | ErrorMessage | AvailablePeers | Pong;

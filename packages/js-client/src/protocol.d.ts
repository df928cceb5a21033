// Generated from the message definitions of heliograph-protocol by `nox -s generate`. Changes made here are lost.

/** What became of a forwarded message that had a `ref` (level 2). */
export interface Ack {
  type: "ack";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  status: "buffered" | "delivered";
}

/**
 * An SDP answer, forwarded to `target`.
 * With `ice_restart` its sender takes another offer of the same `connection_id` when it is connected: an ICE restart.
 */
export interface Answer {
  type: "answer";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  target: string;
  sender?: string | null;
  connection_id?: string;
  sdp: string;
  ice_restart?: boolean;
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

/** Asks for one peer for oneself; with `wait_s` it waits in line for one. */
export interface ClaimPeer {
  type: "claim_peer";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  filters?: Filters;
  /** Seconds until the claim ends by itself */
  ttl_s?: number;
  /** Seconds to wait in line */
  wait_s?: number;
}

/** No such peer is free; the claim waits. Told again when the position changes. The next in line is 1. */
export interface ClaimQueued {
  type: "claim_queued";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  position: number;
}

/** The claim is over. The answer to `release_claim`; with `reason` a push to who held it or was held. */
export interface ClaimReleased {
  type: "claim_released";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  claim_id: string;
  reason?: "expired" | "left" | "released";
}

/** Tells a peer that it was claimed (level 2). */
export interface Claimed {
  type: "claimed";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  claim_id: string;
  by: string;
}

export type ClientMessage = Register | Offer | Answer | Candidate | Quit | ErrorMessage | Query | Ping | DiscoverPeers | UpdateMetadata | SetGroups | PeerMessage | Leave | ClaimPeer | ReleaseClaim | Received | Report | Inspect | InspectStop;

/** WebSocket close codes (RFC 6455 section 7.4; 4000 and up are this protocol's own). */
export type CloseCode = 1000 | 1001 | 1007 | 1009 | 1012 | 4000 | 4001 | 4003 | 4008 | 4009;

/** Why two peers are not connected, or that they are, as far as their signaling shows. */
export interface Diagnosis {
  /** Stable: programs branch on it */
  verdict: string;
  mood: "good" | "trouble" | "unknown" | "waiting";
  title: string;
  advice: string;
}

/** Asks for the peers that pass the filters, all if there are none; never oneself. */
export interface DiscoverPeers {
  type: "discover_peers";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  filters?: Filters;
  from_peer_id?: string;
  peer_id?: string;
}

/** The `code` of an `error` message. Stable: programs branch on it. */
export type ErrorCode = "INTERNAL" | "INVALID_ID_TOKEN" | "INVALID_JSON" | "INVALID_MESSAGE" | "INVALID_ROOM_TOKEN" | "MESSAGE_TOO_BIG" | "NOT_PERMITTED" | "NOT_REGISTERED" | "NO_PEER_AVAILABLE" | "PEER_AWAY_BUFFER_FULL" | "PEER_ID_TAKEN" | "PEER_NOT_FOUND" | "RATE_LIMITED" | "ROOM_EXPIRED" | "ROOM_FULL" | "ROOM_NOT_FOUND" | "SENDER_MISMATCH" | "STORE_UNAVAILABLE" | "UNKNOWN_MESSAGE_TYPE";

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

/**
 * The receiver takes the file, and has the first `offset` bytes of what may be the same content.
 * The offset is a multiple of `CHUNK_BYTES`, or the file's size.
 */
export interface FileAccepted {
  type: "accepted";
  /** Bytes */
  offset?: number;
  /** Bytes, at least a chunk */
  window?: number;
}

/** The sender will not go on, and not try again by itself. */
export interface FileCancelled {
  type: "cancelled";
  message?: string;
}

/** This side is busy, and not gone: it asks a person, or hashes what it has already. */
export interface FileChecking {
  type: "checking";
}

/** The sender's hash of the file's first `offset` bytes. */
export interface FileCheckpoint {
  type: "checkpoint";
  /** Bytes */
  offset: number;
  /** SHA-256, 64 lower-case hex digits */
  sha256: string;
}

export type FileControl = FileHeader | FileAccepted | FileCheckpoint | FileProgress | FileChecking | FileReceived | FileRefused | FileCancelled;

/**
 * Offers a file. `name` is a bare file name: a receiver drops any path in it.
 * `folder` has the names of the folders that the file lies in, outermost first, for a directory that is sent.
 * `modified_ms` is when the content changed last, in Unix milliseconds. `transfer_id` is random and the same each time
 * that one transfer starts again.
 */
export interface FileHeader {
  type: "file";
  name: string;
  /** Bytes */
  size: number;
  mime?: string;
  folder?: string[];
  modified_ms?: number | null;
  transfer_id?: string;
}

/** The receiver has the first `offset` bytes, and they are the sender's. */
export interface FileProgress {
  type: "progress";
  /** Bytes */
  offset: number;
}

/** The receiver has it all under its final name, and this is what it computed itself. */
export interface FileReceived {
  type: "received";
  /** Bytes */
  size: number;
  /** SHA-256, 64 lower-case hex digits */
  sha256: string;
}

/** The receiver will not take it, or stops taking it. `code` is one of `FileCode`. */
export interface FileRefused {
  type: "refused";
  code: string;
  message?: string;
}

/** Which peers. All conditions that are given must hold; an empty list matches nothing. */
export interface Filters {
  role?: string | string[];
  /** Any of these */
  tags?: string[];
  /** All of these */
  all_tags?: string[];
  /** Any of these */
  groups?: string[];
  state?: string | string[];
  /** A value, or an object of operators: $eq $ne $gt $gte $lt $lte $in $nin $exists */
  properties?: Record<string, unknown>;
}

/** The answer to `set_groups`. */
export interface GroupsUpdated {
  type: "groups_updated";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  groups: string[];
}

/** RTCIceCandidateInit (W3C WebRTC section 4.8.1.1). An empty `candidate` marks the end of candidates. */
export interface IceCandidateInit {
  candidate?: string;
  sdpMid?: string | null;
  sdpMLineIndex?: number | null;
  usernameFragment?: string | null;
}

/** RTCIceServer (W3C WebRTC section 4.2.2). */
export interface IceServer {
  urls: string[];
  username?: string;
  credential?: string;
}

/**
 * Asks for a view of the sender's room, which needs `manage`, and for what changes in it from then on (level 2).
 * A connection that has not registered may give the `operator_token` instead; it then sees the whole server, or the
 * room that it names, and may ask again for another view. With `peers` the timeline is that of one, or of two.
 */
export interface Inspect {
  type: "inspect";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  /** Only where nobody has registered */
  operator_token?: string;
  /** For operators */
  room_id?: string;
  peers?: string[];
}

/** Asks for no more `inspection_update`. */
export interface InspectStop {
  type: "inspect_stop";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
}

/** The answer to `inspect_stop`. */
export interface InspectStopped {
  type: "inspect_stopped";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
}

/** The answer to `inspect`: how things are now. */
export interface Inspection {
  type: "inspection";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  /** The server's clock in Unix seconds */
  at: number;
  server?: ServerReport;
  room?: RoomReport;
}

/** What has changed since the last view; only for those who asked, a few times a second at most. */
export interface InspectionUpdate {
  type: "inspection_update";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  /** The server's clock in Unix seconds */
  at: number;
  server?: ServerReport;
  room?: RoomReport;
}

/** Leaves for good: the socket closes with 1000, and there is no session to resume. */
export interface Leave {
  type: "leave";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
}

/** What the server takes from one connection. */
export interface Limits {
  message_bytes: number;
  messages_per_s: number;
}

/** What a peer says of itself; at most 16 KiB as JSON. */
export interface Metadata {
  tags?: string[];
  properties?: Record<string, unknown>;
}

/** The answer to `update_metadata`: all of the metadata as it is now. */
export interface MetadataUpdated {
  type: "metadata_updated";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  peer_id: string;
  metadata: Metadata;
}

/** One server process. */
export interface NodeReport {
  version: string;
  /** `ready`, or why it is not */
  status: string;
  uptime_s: number;
  cpu_percent: number;
  memory_bytes: number;
  /** How late the event loop was at worst since the last report */
  loop_lag_ms: number;
  connections: number;
  tasks: number;
  forward_p50_us: number;
  forward_p99_us: number;
}

/**
 * An SDP offer (RFC 8829), forwarded to `target`.
 * With `ice_restart` its sender takes another offer of the same `connection_id` when it is connected: an ICE restart.
 */
export interface Offer {
  type: "offer";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  target: string;
  sender?: string | null;
  connection_id?: string;
  sdp: string;
  ice_restart?: boolean;
}

/** Two peers of which one has signalled the other. */
export interface PairReport {
  a: string;
  b: string;
  /** Signals from a to b, as far as they were recorded */
  sent: number;
  /** Signals from b to a */
  received: number;
  attempt: number;
  last_at: number;
  diagnosis: Diagnosis;
}

/** A peer as others in its room see it. */
export interface Peer {
  peer_id: string;
  role: string;
  /** Tags and properties */
  metadata: Metadata;
  groups: string[];
  /** Unix seconds */
  connected_at: number;
  state: "away" | "online";
  /** Who holds claims on it; absent if nobody does */
  claimed_by?: string[];
}

/** A peer's connection is lost; it may come back within its resume window. */
export interface PeerAway {
  type: "peer_away";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  peer: Peer;
}

/** A peer that was away is back. */
export interface PeerBack {
  type: "peer_back";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  peer: Peer;
}

/** The claim is made. */
export interface PeerClaimed {
  type: "peer_claimed";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  claim_id: string;
  peer: Peer;
  /** Unix seconds */
  expires_at: number;
}

/** A peer has come into sight. */
export interface PeerJoined {
  type: "peer_joined";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  peer: Peer;
}

/** A peer has gone out of sight. */
export interface PeerLeft {
  type: "peer_left";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  peer: Peer;
  reason: "left" | "removed" | "replaced" | "room_closed" | "timed_out";
}

/** The answer to `discover_peers`. */
export interface PeerList {
  type: "peer_list";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  to_peer_id: string;
  count: number;
  peers: Peer[];
}

/** An application's message, to one peer or to everyone else in a group of the sender's; any JSON as payload. */
export interface PeerMessage {
  type: "peer_message";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  payload?: unknown;
  to_peer_id?: string;
  to_group?: string;
  from_peer_id?: string | null;
}

/** A peer as those who inspect see it, also for some minutes after it has gone. */
export interface PeerReport {
  peer_id: string;
  status: "away" | "gone" | "online";
  /** Of the status, in Unix seconds */
  since: number;
  role?: string;
  level?: number;
  groups?: string[];
  grants?: ("broadcast" | "claim" | "discover" | "manage" | "message" | "signal")[];
  /** Peers on which it holds claims */
  claims?: string[];
  claimed_by?: string[];
  /** Messages of it that were refused */
  refusals?: number;
}

/** A peer's role, metadata or groups have changed. */
export interface PeerUpdated {
  type: "peer_updated";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  peer: Peer;
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

/** Confirms the first `count` messages of this session after `registered_auth`; they need not be kept (level 2). */
export interface Received {
  type: "received";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  count: number;
}

/** The first message of a connection: who I am, which room, and the proofs for both. */
export interface Register {
  type: "register";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  /** 1 to 128 characters of A-Za-z0-9._:@- */
  peer_id: string;
  room_id: string;
  /** The room's token, or a join token */
  token: string;
  /** JWT from the identity provider */
  id_token: string;
  role?: string;
  metadata?: Metadata | null;
  groups?: string[];
  /** 2 opts in to level 2 */
  protocol?: number;
  resume?: Resume | null;
}

/** The registration succeeded. `token` is the one that was sent. From `role` on: level 2 only. */
export interface RegisteredAuth {
  type: "registered_auth";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  room_id: string;
  token: string;
  peer_id: string;
  role?: string;
  grants?: ("broadcast" | "claim" | "discover" | "manage" | "message" | "signal")[];
  /** Unix seconds; nobody registers after that */
  expires_at?: number;
  session?: SessionInfo;
  ice_servers?: IceServer[];
  peers?: Peer[];
  limits?: Limits;
}

/** Gives a claimed peer back. */
export interface ReleaseClaim {
  type: "release_claim";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  claim_id: string;
}

/** Says what became of this peer's connection with another, for those who inspect; there is no answer (level 2). */
export interface Report {
  type: "report";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  /** 1 to 128 characters of A-Za-z0-9._:@- */
  peer_id: string;
  state: "closed" | "connected" | "failed";
  /** Of the path's own end */
  local?: "host" | "prflx" | "relay" | "srflx" | "unknown";
  /** Of the path's other end */
  remote?: "host" | "prflx" | "relay" | "srflx" | "unknown";
  took_ms?: number;
}

/** Proof of an earlier session, and how many of its messages arrived after `registered_auth`. */
export interface Resume {
  session_id: string;
  secret: string;
  received?: number;
}

/** The room is gone; the socket closes with 4003. */
export interface RoomClosed {
  type: "room_closed";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  reason: string;
}

/** Soon nobody can register any more; those inside may stay. */
export interface RoomExpiring {
  type: "room_expiring";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  /** Unix seconds */
  expires_at: number;
}

/** A room. In an `inspection_update`, only peers and pairs that have changed, and the new part of the timeline. */
export interface RoomReport {
  room_id: string;
  /** Whether anyone is in it */
  open: boolean;
  peer_count: number;
  pair_count: number;
  /** Signals and peer messages that were forwarded so far */
  messages: number;
  expires_at?: number;
  max_peers?: number;
  /** Who may signal whom; null for all */
  policy?: Record<string, string[]> | null;
  /** How many, by code */
  refusals?: Record<string, number>;
  peers?: PeerReport[];
  pairs?: PairReport[];
  /** Peers that are reported no longer */
  forgotten?: string[];
  /** Pairs that are reported no longer: the names `a` and `b` of each */
  forgotten_pairs?: string[][];
  /** Whose timeline it is */
  focus?: string[];
  timeline?: TimelineEntry[];
  /** Older entries that are left out */
  skipped?: number;
  /** Of a focus of two */
  diagnosis?: Diagnosis | null;
}

/** A room in the list of all. */
export interface RoomRow {
  room_id: string;
  peers: number;
  messages: number;
  away?: number;
  claims?: number;
  refusals?: number;
  /** Pairs that did not get through */
  troubled?: number;
}

/** Calls a method with positional and named arguments. With `credit` the results are to be streamed. */
export interface RpcCall {
  type: "call";
  /** Chosen by the caller; greater with each call */
  id: number;
  method: string;
  args?: unknown[];
  kwargs?: Record<string, unknown>;
  /** Bytes of part frames */
  credit?: number;
}

export type RpcCalleeFrame = RpcResult | RpcPart | RpcEnd | RpcFailure;

export type RpcCallerFrame = RpcCall | RpcCancel | RpcCredit;

/** The caller no longer waits for the call. */
export interface RpcCancel {
  type: "cancel";
  /** Chosen by the caller; greater with each call */
  id: number;
}

/** So many more bytes of parts may be sent. */
export interface RpcCredit {
  type: "credit";
  /** Chosen by the caller; greater with each call */
  id: number;
  /** Bytes of part frames */
  credit: number;
}

/** The stream is over. */
export interface RpcEnd {
  type: "end";
  /** Chosen by the caller; greater with each call */
  id: number;
}

/**
 * The call has failed.
 * `code` is `METHOD_NOT_FOUND`, `INVALID_ARGUMENTS`, `WRONG_KIND` (a stream asked of a method that has none, or the
 * other way round), `TOO_MANY_CALLS`, `HANDLER_FAILED`, `CALL_CANCELLED`, or one of the application's own. `message`
 * is a sentence for a person.
 */
export interface RpcFailure {
  type: "failure";
  /** Chosen by the caller; greater with each call */
  id: number;
  code: string;
  message?: string;
}

/** The next value of a stream. */
export interface RpcPart {
  type: "part";
  /** Chosen by the caller; greater with each call */
  id: number;
  value: unknown;
}

/** The call has come to its end, with this value. */
export interface RpcResult {
  type: "result";
  /** Chosen by the caller; greater with each call */
  id: number;
  value: unknown;
}

/** The server is about to restart: reconnect within that time and resume. */
export interface ServerDraining {
  type: "server_draining";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  /** Seconds */
  reconnect_within_s: number;
}

export type ServerMessage = RegisteredAuth | Offer | Answer | Candidate | Quit | ErrorMessage | AvailablePeers | Pong | PeerList | MetadataUpdated | GroupsUpdated | PeerMessage | PeerClaimed | ClaimQueued | ClaimReleased | Claimed | Ack | PeerJoined | PeerUpdated | PeerAway | PeerBack | PeerLeft | RoomExpiring | RoomClosed | ServerDraining | Inspection | InspectionUpdate | InspectStopped;

/** All rooms of a node. In an `inspection_update`, only those rooms that have changed. */
export interface ServerReport {
  node: NodeReport;
  room_count: number;
  peer_count: number;
  /** How many were accepted so far, by type */
  messages: Record<string, number>;
  /** How many so far, by code */
  refusals: Record<string, number>;
  /** Those with the most peers */
  rooms?: RoomRow[];
  /** Rooms that are listed no longer */
  forgotten?: string[];
}

/** What a client needs to resume. The secret changes with every registration. */
export interface SessionInfo {
  session_id: string;
  secret: string;
  /** Seconds */
  resume_window_s: number;
  /** Whether this is the session that was asked for */
  resumed: boolean;
}

/** Replaces one's groups. */
export interface SetGroups {
  type: "set_groups";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  groups: string[];
}

/** Something that happened to `peer`, or that it said `to` another. */
export interface TimelineEntry {
  /** Unix seconds */
  at: number;
  event: "answer" | "away" | "back" | "candidate" | "claim_ended" | "claim_waits" | "claimed" | "closed" | "connected" | "error" | "failed" | "left" | "not_recorded" | "offer" | "quit" | "refused" | "registered" | "regrouped" | "replaced" | "turned_away" | "undelivered";
  peer: string;
  to?: string;
  outcome?: "buffered" | "delivered";
  /** Of the refusal */
  code?: string;
  /** The type of the message that was refused */
  said?: string;
  /** Of an `error` where it is a known one, or of an end */
  reason?: string;
  /** Who ended the connection; absent where that is not known */
  closed_by?: "network" | "peer" | "server";
  /** Of its close frame (RFC 6455 section 7.4), if there was one */
  close_code?: number;
  /** How often, one after the other; absent for once */
  count?: number;
  /** Which connection between the two, from 1 */
  attempt?: number;
  /** Bytes of the message */
  size?: number;
  /** Types: of a candidate, or of those in an SDP */
  candidates?: string[];
  transport?: "tcp" | "udp";
  /** Whether this says that no more candidates come */
  end?: boolean;
  /** Whether this offer is one more of the same connection */
  restart?: boolean;
  role?: string;
  level?: number;
  local?: string;
  remote?: string;
  took_ms?: number;
}

/** Changes one's metadata: tags are united, properties merged, a null property removed. */
export interface UpdateMetadata {
  type: "update_metadata";
  /** Chosen by the sender; the reply or error carries the same value */
  ref?: string | number;
  metadata: Metadata;
  from_peer_id?: string;
  peer_id?: string;
}

/**
 * The conversation with the server, without a connection: frames in, frames and events out. One core lives as long as its
 * session, over all of its connections; signaling.js carries the frames.
 */

import { Claims } from './claims.js';
import * as errors from './errors.js';
import { Outbox } from './outbox.js';
import { peerOf } from './peer.js';
import { refusal } from './refusals.js';
import { Roster } from './roster.js';
import { Tally } from './tally.js';
import { utf8Length } from './utf8.js';
import { deferred, within } from './waiting.js';

/** For an answer of the server, a reconnect in between included. */
export const REQUEST_TIMEOUT_MS = 15_000;

/** @typedef {import('./protocol.js').ClientMessage} ClientMessage */
/** @typedef {import('./protocol.js').ServerMessage} ServerMessage */
/** @typedef {import('./claim.js').Claim} Claim */
/**
 * Who registers, and where.
 * @typedef {object} Registration
 * @property {string} room
 * @property {string} token the room's, or a join token
 * @property {string} peerId
 * @property {string} [role]
 * @property {import('./protocol.js').Metadata} [metadata]
 * @property {string[]} [groups]
 */
/**
 * What gets a session back in another page: a secret.
 * @typedef {import('./protocol.js').Resume & { ref: number, idToken?: string | null }} Ticket
 */
/**
 * What the core tells its owner, and the owner's events.
 * @typedef {object} Ear
 * @property {(type: string, fields?: object) => void} emit an event of the room
 * @property {(signal: import('./socket.js').PeerSignal) => void} signal
 * @property {(message: ClientMessage, error: errors.HeliographError) => void} refused a message that nobody is waiting on
 * @property {() => void} wake there may be a frame to send
 */
/** @typedef {{ ms?: number, signal?: AbortSignal | undefined, always?: boolean, onQueued?: (position: number) => void }} AskOptions */
/** @typedef {ReturnType<typeof deferred<any>> & { claim?: Claim, onQueued?: ((position: number) => void) | undefined }} Question */

export class Core {
  /** The level that the server speaks, as far as is known. */
  level = 2;
  /** Whether the server has let this peer in over the present connection. */
  online = false;
  roster = new Roster();
  /** @type {RTCIceServer[]} */
  iceServers = [];
  /** @type {Set<string>} */
  grants = new Set();
  /** When the room stops letting peers in, in Unix seconds. @type {number | null} */
  expiresAt = null;
  /** Why nothing can be asked any more. @type {Error | null} */
  over = null;
  #me;
  #ear;
  #outbox;
  #tally;
  /** @type {ReturnType<typeof deferred<{ resumed: boolean }>> | null} */
  #entering = null;
  /** @type {Map<number, Question>} */
  #questions = new Map();
  #claims = new Claims((claim) => this.#release(claim));
  /** Who waits for room in the outbox. @type {Set<() => void>} */
  #crowd = new Set();

  /** @param {Registration} me @param {Ear} ear @param {Ticket | null} [ticket] @param {() => number} [now] milliseconds */
  constructor(me, ear, ticket = null, now = () => performance.now()) {
    this.#me = { ...me };
    this.#ear = ear;
    this.#outbox = new Outbox(now, ticket?.ref);
    this.#tally = new Tally(now, ticket);
  }

  /** What gets this session back in another page. @returns {Ticket | null} */
  get ticket() {
    const proof = this.#tally.proof;
    return proof && { ...proof, ref: this.#outbox.lastRef };
  }

  /**
   * The frame that asks to be let in, back into the session if there was one; and what comes of it.
   * @param {string} idToken
   */
  register(idToken) {
    const { peerId, room, token, role, metadata, groups } = this.#me;
    const resume = this.#tally.proof;
    const entering = (this.#entering = deferred());
    entering.promise.catch(() => {});
    /** @type {import('./protocol.js').Register} */
    const message = { type: 'register', peer_id: peerId, room_id: room, token, id_token: idToken, protocol: 2 };
    const extras = { role, metadata, groups, resume: resume ?? undefined };
    return { frame: JSON.stringify({ ...message, ...extras }), entered: entering.promise };
  }

  /** Queues a message. @param {ClientMessage} message @param {boolean} [always] @returns {number} its ref */
  put(message, always) {
    this.#check(message);
    const ref = this.#outbox.put(message, always);
    this.#ear.wake();
    return ref;
  }

  /** Queues a message; waits for room while online. @param {ClientMessage} message @param {AskOptions} [options] */
  async send(message, { signal, always, ms = REQUEST_TIMEOUT_MS } = {}) {
    signal?.throwIfAborted();
    const late = () => new errors.SendQueueFull('SEND_QUEUE_FULL', 'Too much waits to be sent to the server');
    while (!always && this.online && !this.#outbox.hasRoom) {
      /** @type {ReturnType<typeof deferred<void>>} */
      const turn = deferred();
      const wake = () => turn.resolve();
      this.#crowd.add(wake);
      await within(turn.promise, { ms, late, signal }).finally(() => this.#crowd.delete(wake));
    }
    return this.put(message, always);
  }

  /**
   * Sends a message and waits for the answer to it, or its ack.
   * @param {ClientMessage} message
   * @param {AskOptions} [options]
   * @returns {Promise<any>}
   */
  async ask(message, { ms = REQUEST_TIMEOUT_MS, signal, always, onQueued } = {}) {
    const ref = await this.send(message, { ms, signal, always: always ?? false });
    /** @type {Question} */
    const question = { ...deferred(), onQueued };
    this.#questions.set(ref, question);
    let neverSent = false;
    try {
      const late = () => {
        neverSent = this.#withdraw(ref);
        if (message.type !== 'peer_message') return new errors.ReplyTimeout(message.type, ms);
        return neverSent ? new errors.SignalingDown() : unknown();
      };
      return await within(question.promise, { ms, late, signal });
    } catch (error) {
      // What has to reach the server goes on its way, whoever waits for the answer.
      if (!always) this.#withdraw(ref);
      if (question.claim) this.#giveBack(question.claim);
      throw error;
    } finally {
      this.#questions.delete(ref);
    }
  }

  /** Has the server say something. */
  probe() {
    this.put({ type: 'ping' }, true);
  }

  /** The next frame to send, if one may go now. @returns {string | null} */
  take() {
    if (this.online && this.#tally.delayMs() === 0 && this.#outbox.mayGo()) return JSON.stringify(this.#tally.confirm());
    const frame = this.#outbox.take();
    if (frame !== null) this.#letIn();
    return frame;
  }

  /** Milliseconds until `take` may have a frame; Infinity if that does not depend on time. */
  delayMs() {
    return Math.min(Math.max(this.#tally.delayMs(), this.#outbox.paceMs()), this.#outbox.delayMs());
  }

  /** The last frames, `leave` behind them. @returns {string[]} */
  leave() {
    if (!this.online) return [];
    if (this.level > 1) this.#outbox.put({ type: 'leave' }, true);
    return this.#outbox.drain();
  }

  disconnected() {
    this.online = false;
    this.#outbox.disconnected();
    this.#entering?.reject(new errors.SignalingDown());
    this.#letIn();
  }

  /** No answers will come. @param {Error} error */
  end(error) {
    this.over ??= error;
    this.disconnected();
    this.#claims.loseAll();
    for (const question of this.#questions.values()) question.reject(error);
  }

  /** @param {string} frame */
  receive(frame) {
    if (this.online) this.#tally.add(utf8Length(frame));
    const message = decode(frame);
    if (message) this.#understand(message);
    this.#ear.wake(); // an answer makes room for the next message, and is to be confirmed
  }

  /** @param {ServerMessage} message */
  #understand(message) {
    switch (message.type) {
      case 'registered_auth':
        if (!this.online) this.#enter(message);
        break;
      case 'offer':
      case 'answer':
      case 'candidate':
      case 'quit':
        this.#ear.signal(message);
        break;
      case 'error':
        this.#refused(message);
        break;
      case 'available_peers':
        this.#answer(message.ref ?? this.#outbox.oldest('query'), message.peers);
        break;
      case 'pong':
        this.#answer(message.ref ?? this.#outbox.oldest('ping'), message.time);
        break;
      case 'peer_list':
        this.#answer(message.ref, message.peers.map(peerOf));
        break;
      case 'metadata_updated': // what this peer is now is what it registers as, should it have to do that again
        this.#me.metadata = message.metadata;
        this.#answer(message.ref, message.metadata);
        break;
      case 'groups_updated':
        this.#me.groups = message.groups;
        this.#answer(message.ref, message.groups);
        break;
      case 'ack':
        this.#acknowledged(message);
        break;
      case 'peer_claimed':
        this.#claimed(message);
        break;
      case 'claim_queued':
        if (typeof message.ref !== 'number') break;
        this.#outbox.standsInLine(message.ref);
        this.#questions.get(message.ref)?.onQueued?.(message.position);
        break;
      case 'claim_released':
        this.#answer(message.ref, null);
        if (message.reason === undefined) break;
        this.#claims.end(message.claim_id, message.reason);
        this.#ear.emit('released', { claimId: message.claim_id, reason: message.reason });
        break;
      case 'claimed':
        this.#ear.emit('claimed', { claimId: message.claim_id, by: message.by });
        break;
      case 'peer_message': {
        const { from_peer_id: from, to_group: group = null, payload } = message;
        this.#ear.emit('message', { from, group, payload });
        break;
      }
      case 'inspection':
      case 'inspection_update':
        if (!this.#answer(message.ref, message)) this.#ear.emit('inspection', { message });
        break;
      case 'room_expiring':
        this.expiresAt = message.expires_at;
        this.#ear.emit('expiring', { expiresAt: message.expires_at });
        break;
      case 'room_closed':
        this.#ear.emit('roomclosed', { reason: message.reason });
        break;
      case 'server_draining':
        this.#ear.emit('draining', { reconnectWithinS: message.reconnect_within_s });
        break;
      default: {
        const news = this.roster.take(message); // or a message of a later version of the protocol
        if (news) this.#ear.emit('peer', news);
      }
    }
  }

  /** @param {import('./protocol.js').RegisteredAuth} reply */
  #enter(reply) {
    const session = reply.session ?? null;
    const limits = reply.limits ?? null;
    const resumed = session?.resumed === true && limits !== null;
    this.level = session ? 2 : 1;
    this.online = true;
    this.#tally.begin(session);
    this.roster.replace(reply.peers ?? []);
    this.iceServers = reply.ice_servers ?? [];
    this.grants = new Set(/** @type {string[]} */ (reply.grants ?? []));
    this.expiresAt = reply.expires_at ?? null;
    if (resumed) this.#outbox.resumed(/** @type {import('./protocol.js').Limits} */ (limits));
    else {
      this.#claims.loseAll();
      for (const lost of this.#outbox.restarted(session && limits)) this.#lost(lost.ref, lost.message, unknown());
    }
    this.#entering?.resolve({ resumed });
    this.#entering = null;
    this.#letIn();
  }

  /** @param {import('./protocol.js').ErrorMessage} message */
  #refused(message) {
    if (message.sender && message.target) return this.#ear.signal(message);
    const error = refusal(message);
    if (!this.online) return void this.#entering?.reject(error);
    const ref = /** @type {number} */ (message.ref);
    const outgoing = this.#outbox.answered(ref) ?? this.#outbox.undelivered(ref);
    if (outgoing) return this.#lost(outgoing.ref, outgoing.message, error);
    if (message.ref === undefined && error.code === 'RATE_LIMITED') this.#outbox.rateLimited();
    return this.#ear.emit('complaint', { error });
  }

  /** A message did not get through. @param {number} ref @param {ClientMessage} message @param {errors.HeliographError} error */
  #lost(ref, message, error) {
    const question = this.#questions.get(ref);
    if (question) question.reject(error);
    else if (message.type !== 'peer_message') this.#ear.refused(message, error);
    else this.#ear.emit('undelivered', { to: message.to_peer_id ?? message.to_group, payload: message.payload, error });
  }

  /** @param {string | number | undefined} ref @param {unknown} value */
  #answer(ref, value) {
    if (typeof ref !== 'number') return undefined;
    const outgoing = this.#outbox.answered(ref);
    this.#questions.get(ref)?.resolve(value);
    return outgoing;
  }

  /** @param {import('./protocol.js').Ack} ack */
  #acknowledged(ack) {
    const outgoing = this.#answer(ack.ref, ack.status);
    if (outgoing && ack.status === 'buffered') this.#outbox.keepBuffered(outgoing);
  }

  /** @param {import('./protocol.js').PeerClaimed} claimed */
  #claimed(claimed) {
    const claim = this.#claims.add(claimed);
    const question = this.#questions.get(Number(claimed.ref));
    if (question) question.claim = claim;
    this.#answer(claimed.ref, claim);
    if (!question) this.#giveBack(claim);
  }

  /** It counts as released at once, whatever becomes of the connection. @param {Claim} claim */
  async #release(claim) {
    this.#claims.end(claim.claimId, 'released');
    try {
      await this.ask({ type: 'release_claim', claim_id: claim.claimId }, { always: true });
    } catch (error) {
      // It is over by itself then: with the session, or at its time.
      if (!(error instanceof errors.HeliographError)) throw error;
    }
  }

  /** Nobody waits for this claim any more. @param {Claim} claim */
  #giveBack(claim) {
    if (claim.isOver) return;
    this.#claims.end(claim.claimId, 'released');
    if (this.over === null) this.put({ type: 'release_claim', claim_id: claim.claimId }, true);
  }

  /** @param {number} ref */
  #withdraw(ref) {
    const neverSent = this.#outbox.withdraw(ref);
    this.#letIn();
    return neverSent;
  }

  /** @param {ClientMessage} message */
  #check(message) {
    if (this.over) throw this.over;
    if (this.level === 1 && !['offer', 'answer', 'candidate', 'quit', 'error', 'query', 'ping'].includes(message.type)) {
      throw new errors.UnsupportedByServer('UNSUPPORTED_BY_SERVER', 'The server speaks level 1 of the protocol only');
    }
  }

  /** There may be room, or none to wait for. */
  #letIn() {
    for (const wake of [...this.#crowd]) wake();
  }
}

function unknown() {
  return new errors.DeliveryUnknown('DELIVERY_UNKNOWN', 'Nobody can say what became of this message');
}

/** @param {string} frame @returns {ServerMessage | null} null for what is no message at all */
function decode(frame) {
  try {
    const value = JSON.parse(frame);
    return typeof value?.type === 'string' ? value : null;
  } catch {
    return null;
  }
}

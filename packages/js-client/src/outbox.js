/**
 * This peer's messages on their way: waiting, in flight, and what becomes of those in flight when the connection is lost.
 *
 * Every message carries a `ref`, and the server says what became of it: an answer, an `ack`, or an error. One that went
 * out and was not answered when the connection was lost is in doubt. If the session resumes, the server first repeats
 * every answer that was lost; so a `ping` goes out, and what is still unanswered when its `pong` comes never arrived and
 * goes out again, before anything newer. If the session is gone, questions are asked again, and the senders of messages
 * are told that nobody knows. A server of level 1 answers only questions; there a message is done when it is sent.
 */

import { MessageTooBig, SendQueueFull } from './errors.js';
import { Pace } from './pace.js';
import { utf8Length } from './utf8.js';

/** While so much waits to be sent, of either, nothing more is put. */
export const QUEUED_MESSAGES = 256;
export const QUEUED_BYTES = 1024 * 1024;
/** Messages sent and not answered. Should the network hold them up, they still arrive within the server's burst. */
export const IN_FLIGHT = 64;
/** Signals to a server of level 1, and messages that the server keeps for a peer that is away: the last so many. */
export const REMEMBERED = 1024;
/** The largest frame, until the server has named its limit. */
const FRAME_BYTES = 64 * 1024;
/** A server tells at most once a second that it dropped messages: after that pause its silence means something. */
const RATE_PAUSE_MS = 1000;

const QUESTIONS = ['query', 'ping', 'discover_peers', 'update_metadata', 'set_groups', 'claim_peer', 'release_claim'];

/** @typedef {import('./protocol.js').ClientMessage} ClientMessage */
/** @typedef {import('./protocol.js').Limits} Limits */
/** @typedef {{ ref: number, message: ClientMessage, frame: string, bytes: number, askedAt: number }} Outgoing */
/** @typedef {Map<number, Outgoing>} Place */

export class Outbox {
  /** The ref of the newest message. */
  lastRef;
  #now;
  /** @type {Pace | null} null while this peer is not registered */
  #pace = null;
  #maxBytes = FRAME_BYTES;
  #isAcknowledged = false;
  #notBefore = 0;
  #probe = 0;
  #isProbing = false;
  /** @type {Outgoing[]} */
  #queue = [];
  #queuedBytes = 0;
  /** @type {Place} */
  #inFlight = new Map();
  /** Was in flight when the connection was lost. @type {Place} */
  #doubtful = new Map();
  /** Claims in the server's line. @type {Place} */
  #inLine = new Map();
  /** Kept by the server for peers that are away. @type {Place} */
  #buffered = new Map();
  /** @type {Set<number>} */
  #withdrawn = new Set();

  /** @param {() => number} now milliseconds that only grow @param {number} [lastRef] of an earlier life of the session */
  constructor(now, lastRef = 0) {
    this.#now = now;
    this.lastRef = lastRef;
  }

  /** Whether a message can be put. */
  get hasRoom() {
    return this.#queue.length < QUEUED_MESSAGES && this.#queuedBytes < QUEUED_BYTES;
  }

  /**
   * @param {ClientMessage} message
   * @param {boolean} [always] even when there is no room
   * @returns {number} the ref of its answer
   * @throws {MessageTooBig | SendQueueFull}
   */
  put(message, always = false) {
    if (!always && !this.hasRoom)
      throw new SendQueueFull('SEND_QUEUE_FULL', `${this.#queue.length} messages wait to be sent to the server already`);
    const outgoing = this.#number({ ...message, ref: this.lastRef + 1 });
    if (outgoing.bytes > this.#maxBytes)
      throw new MessageTooBig('MESSAGE_TOO_BIG', `${outgoing.bytes} bytes are over the server's ${this.#maxBytes}`);
    this.lastRef = outgoing.ref;
    this.#queue.push(outgoing);
    this.#queuedBytes += outgoing.bytes;
    return outgoing.ref;
  }

  /** Nobody wants this any more: it is not sent again. @param {number} ref @returns {boolean} whether it never was */
  withdraw(ref) {
    const at = this.#queue.findIndex((outgoing) => outgoing.ref === ref);
    if (at >= 0) {
      this.#queuedBytes -= this.#queue.splice(at, 1)[0]?.bytes ?? 0;
      return true;
    }
    if ([this.#inFlight, this.#doubtful, this.#inLine].some((place) => place.has(ref))) this.#withdrawn.add(ref);
    return false;
  }

  /** The frame to send now, if there is one. @returns {string | null} */
  take() {
    if (this.#isProbing) return this.#probe === 0 && this.mayGo() ? this.#takeProbe() : null;
    if (this.#queue.length === 0 || this.#isFull || !this.mayGo()) return null;
    const outgoing = /** @type {Outgoing} */ (this.#queue.shift());
    this.#queuedBytes -= outgoing.bytes;
    if (outgoing.message.type !== 'leave') this.#inFlight.set(outgoing.ref, outgoing);
    if (!this.#isAcknowledged) trim(this.#inFlight);
    return outgoing.frame;
  }

  /** Whether a frame may go now as far as the server's limit is concerned; it counts. */
  mayGo() {
    return this.#pace !== null && this.#now() >= this.#notBefore && this.#pace.take();
  }

  /** Milliseconds until `take` may have a frame; Infinity if that does not depend on time. */
  delayMs() {
    const isIdle = this.#isProbing ? this.#probe !== 0 : this.#queue.length === 0 || this.#isFull;
    return isIdle ? Infinity : this.paceMs();
  }

  /** Milliseconds until a message may go, if there is one; Infinity while this peer is not registered. */
  paceMs() {
    return this.#pace === null ? Infinity : Math.max(0, this.#notBefore - this.#now(), this.#pace.delayMs());
  }

  /** What is left to say before leaving, without regard to the pace: the server allows more than that. @returns {string[]} */
  drain() {
    return this.#isProbing ? [] : this.#queue.splice(0).map(({ frame }) => frame);
  }

  /** The server has said what became of this; undefined if that is known already. @param {number} ref */
  answered(ref) {
    if (ref === this.#probe) return void this.#endProbe();
    for (const place of [this.#inFlight, this.#doubtful, this.#inLine]) {
      const outgoing = place.get(ref);
      if (outgoing === undefined) continue;
      place.delete(ref);
      this.#withdrawn.delete(ref);
      return outgoing;
    }
    return undefined;
  }

  /** The oldest question of that type that was sent: what a server that echoes no ref answers.
   * @param {'query' | 'ping'} type */
  oldest(type) {
    return [...this.#inFlight.values()].find(({ message }) => message.type === type)?.ref;
  }

  /** The server has this claim in its line: it arrived, and is not answered yet. @param {number} ref */
  standsInLine(ref) {
    const outgoing = this.#inFlight.get(ref) ?? this.#doubtful.get(ref);
    if (outgoing === undefined) return;
    this.#inFlight.delete(ref);
    this.#doubtful.delete(ref);
    this.#inLine.set(ref, outgoing);
  }

  /** The server keeps this message for a peer; it may yet say that it could not be delivered. @param {Outgoing} outgoing */
  keepBuffered(outgoing) {
    this.#buffered.set(outgoing.ref, outgoing);
    trim(this.#buffered);
  }

  /** The server could not deliver a message that it had kept. @param {number} ref */
  undelivered(ref) {
    const outgoing = this.#buffered.get(ref);
    this.#buffered.delete(ref);
    return outgoing;
  }

  /** Nothing goes out until this peer is registered again. */
  disconnected() {
    this.#pace = null;
    this.#notBefore = 0;
    this.#doubtWhatIsInFlight();
  }

  /** The session goes on over a new connection. @param {Limits} limits */
  resumed(limits) {
    this.#allow(limits);
    this.#isProbing = this.#doubtful.size > 0;
  }

  /** A new session, of level 2 if there are limits. @param {Limits | null} limits
   * @returns {Outgoing[]} the messages of which nobody knows what became */
  restarted(limits) {
    const wasAcknowledged = this.#isAcknowledged;
    this.#allow(limits);
    this.#isProbing = false;
    this.#buffered.clear();
    const lost = [...this.#doubtful.values(), ...this.#inLine.values()].sort((a, b) => a.ref - b.ref);
    this.#doubtful.clear();
    this.#inLine.clear();
    const [questions, messages] = [lost.filter(isQuestion), lost.filter((outgoing) => !isQuestion(outgoing))];
    this.#sendAgain(questions.map((outgoing) => this.#asOfNow(outgoing)));
    this.#withdrawn.clear();
    return limits === null && !wasAcknowledged ? [] : messages; // at level 1 they were done when they were sent
  }

  /** The server has dropped some of what is in flight, and does not say which. */
  rateLimited() {
    if (!this.#isAcknowledged) return;
    this.#notBefore = this.#now() + RATE_PAUSE_MS;
    this.#doubtWhatIsInFlight();
    this.#isProbing = true;
  }

  get #isFull() {
    return this.#isAcknowledged && this.#inFlight.size >= IN_FLIGHT;
  }

  /** @param {Limits | null} limits */
  #allow(limits) {
    this.#pace = new Pace(limits?.messages_per_s ?? 0, this.#now);
    this.#maxBytes = limits?.message_bytes ?? FRAME_BYTES;
    this.#isAcknowledged = limits !== null;
  }

  #takeProbe() {
    this.#probe = this.lastRef += 1;
    return JSON.stringify({ type: 'ping', ref: this.#probe });
  }

  #endProbe() {
    this.#probe = 0;
    this.#isProbing = false;
    const neverArrived = [...this.#doubtful.values()];
    this.#doubtful.clear();
    this.#sendAgain(neverArrived);
  }

  /** Before anything newer, unless nobody wants it any more. @param {Outgoing[]} messages */
  #sendAgain(messages) {
    const wanted = messages.filter(({ ref }) => !this.#withdrawn.delete(ref));
    this.#queue.unshift(...wanted);
    for (const { bytes } of wanted) this.#queuedBytes += bytes;
  }

  #doubtWhatIsInFlight() {
    this.#probe = 0;
    for (const [ref, outgoing] of this.#inFlight) this.#doubtful.set(ref, outgoing); // after the older ones
    this.#inFlight.clear();
  }

  /** A claim that has waited some of its time waits only for the rest. @param {Outgoing} asked */
  #asOfNow(asked) {
    const { message, askedAt } = asked;
    if (message.type !== 'claim_peer' || !message.wait_s) return asked;
    const waited = Math.floor((this.#now() - askedAt) / 1000);
    return this.#number({ ...message, wait_s: Math.max(0, message.wait_s - waited) });
  }

  /** @param {ClientMessage} message with its ref @returns {Outgoing} */
  #number(message) {
    const frame = JSON.stringify(message);
    return { ref: Number(message.ref), message, frame, bytes: utf8Length(frame), askedAt: this.#now() };
  }
}

/** @param {Outgoing} outgoing */
function isQuestion({ message }) {
  return QUESTIONS.includes(message.type);
}

/** @param {Place} place */
function trim(place) {
  for (const ref of place.keys()) {
    if (place.size <= REMEMBERED) return;
    place.delete(ref);
  }
}

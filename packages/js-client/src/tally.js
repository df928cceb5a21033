/** The session that can be resumed: its proof, and the count of what arrived in it. */

export const CONFIRM_MESSAGES = 64;
/** A quarter of what a server keeps unconfirmed: it never has to stop sending to a client that keeps up. */
export const CONFIRM_BYTES = 256 * 1024;
/** How long a message may go unconfirmed; the protocol says 5 s. */
export const CONFIRM_AFTER_MS = 4000;

/** Counts every frame after `registered_auth`, over all connections of a session. */
export class Tally {
  #now;
  /** @type {{ session_id: string, secret: string } | null} */
  #session;
  #count;
  #confirmed = 0;
  #bytes = 0;
  #dueAt = Infinity;

  /** @param {() => number} now milliseconds @param {import('./protocol.js').Resume | null} [proof] of an earlier life */
  constructor(now, proof = null) {
    this.#now = now;
    this.#session = proof;
    this.#count = proof?.received ?? 0;
  }

  /** What gets the session back. @returns {import('./protocol.js').Resume | null} */
  get proof() {
    if (this.#session === null) return null;
    return { session_id: this.#session.session_id, secret: this.#session.secret, received: this.#count };
  }

  /** The server has registered this peer: in its old session or a new one; null at level 1.
   * @param {import('./protocol.js').SessionInfo | null} session */
  begin(session) {
    if (!session?.resumed) this.#count = 0;
    this.#session = session;
    this.#settle(); // the proof of a resume confirmed what it counted
  }

  /** A frame has arrived. @param {number} bytes */
  add(bytes) {
    this.#count += 1;
    this.#bytes += bytes;
    this.#dueAt = Math.min(this.#dueAt, this.#now() + CONFIRM_AFTER_MS);
  }

  /** Milliseconds until a confirmation is due; Infinity if all is confirmed, or nobody asks for it. */
  delayMs() {
    if (this.#session === null) return Infinity;
    if (this.#count - this.#confirmed >= CONFIRM_MESSAGES || this.#bytes >= CONFIRM_BYTES) return 0;
    return Math.max(0, this.#dueAt - this.#now());
  }

  /** The confirmation of all that has arrived. @returns {import('./protocol.js').Received} */
  confirm() {
    this.#settle();
    return { type: 'received', count: this.#count };
  }

  #settle() {
    this.#confirmed = this.#count;
    this.#bytes = 0;
    this.#dueAt = Infinity;
  }
}

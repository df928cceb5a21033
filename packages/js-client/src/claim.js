/** A peer that was claimed. */

import { ClaimLost } from './errors.js';
import { peerOf } from './peer.js';
import { deferred } from './waiting.js';

/** @typedef {'released' | 'expired' | 'left' | 'session_lost'} ClaimEnd */

/** Nobody else can claim the peer, unless it takes several claims at once, until this is over. */
export class Claim {
  /** Why it is over. @type {ClaimEnd | null} */
  reason = null;
  #over = /** @type {ReturnType<typeof deferred<ClaimEnd>>} */ (deferred());
  #release;

  /** @param {import('./protocol.js').PeerClaimed} claimed @param {(claim: Claim) => Promise<void>} release */
  constructor(claimed, release) {
    this.claimId = claimed.claim_id;
    /** As it was when it was claimed. */
    this.peer = peerOf(claimed.peer);
    /** When it ends by itself, in Unix seconds. */
    this.expiresAt = claimed.expires_at;
    this.#release = release;
  }

  /** Who is claimed. @returns {string} */
  get peerId() {
    return this.peer.peerId;
  }

  /** Whether it has been released or lost. */
  get isOver() {
    return this.reason !== null;
  }

  /** Resolves with the reason when it is over. @returns {Promise<ClaimEnd>} */
  get over() {
    return this.#over.promise;
  }

  /** Gives the peer back; nothing happens if it is over. */
  async release() {
    if (!this.isOver) await this.#release(this);
  }

  /** @throws {ClaimLost} if it ended before it was released */
  check() {
    if (this.reason !== null && this.reason !== 'released') {
      throw new ClaimLost('CLAIM_LOST', `The claim on ${this.peerId} is over: ${this.reason}`);
    }
  }

  /** @param {ClaimEnd} reason */
  end(reason) {
    this.reason ??= reason;
    this.#over.resolve(this.reason);
  }
}

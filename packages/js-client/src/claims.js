/** The claims that this peer holds. */

import { Claim } from './claim.js';

export class Claims {
  #release;
  /** @type {Map<string, Claim>} */
  #held = new Map();

  /** @param {(claim: Claim) => Promise<void>} release tells the server */
  constructor(release) {
    this.#release = release;
  }

  /** @param {import('./protocol.js').PeerClaimed} claimed */
  add(claimed) {
    const claim = new Claim(claimed, this.#release);
    this.#held.set(claim.claimId, claim);
    return claim;
  }

  /** Nothing happens if it is not one of these. @param {string} claimId @param {import('./claim.js').ClaimEnd} reason */
  end(claimId, reason) {
    this.#held.get(claimId)?.end(reason);
    this.#held.delete(claimId);
  }

  /** The session is gone, and the claims with it. */
  loseAll() {
    for (const claimId of [...this.#held.keys()]) this.end(claimId, 'session_lost');
  }
}

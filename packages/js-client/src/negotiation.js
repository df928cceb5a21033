/** One RTCPeerConnection and the signals that set it up. Trickles both ways (RFC 8838). */

import { candidateType } from './report.js';
import { writeLine } from './session-name.js';

/** How many candidates are kept while there is no remote description yet. */
export const EARLY_CANDIDATES = 256;

/** @typedef {import('./protocol.js').Candidate['candidate']} WireCandidate */
/**
 * What is said to the other side, before it is addressed.
 * @typedef {{ type: 'offer' | 'answer', sdp: string, ice_restart: true } | { type: 'candidate', candidate: WireCandidate } | { type: 'quit' }
 *   | { type: 'error', code: string, message: string }} Words
 */

export class Negotiation {
  /** Candidates of each type that were sent. @type {Record<string, number>} */
  localCandidates = {};
  /** Candidates of each type that arrived. @type {Record<string, number>} */
  remoteCandidates = {};
  answered = false;
  /** Whether the other side takes another offer for the same connection. */
  canRestart = false;
  /** Which connection it is for. @type {import('./session-name.js').SessionLine | null} */
  line = null;
  #say;
  /** Local candidates found before the description went out; null from then on. @type {WireCandidate[] | null} */
  #unsent = [];
  /** Remote candidates that came before the description; null from then on. @type {WireCandidate[] | null} */
  #early = [];

  /**
   * @param {string} id the `connection_id` of its signals
   * @param {RTCPeerConnection} pc
   * @param {(words: Words) => void} say sends to the other side
   */
  constructor(id, pc, say) {
    this.id = id;
    this.pc = pc;
    this.#say = say;
    pc.addEventListener('icecandidate', ({ candidate }) => this.#found(candidate));
  }

  async offer() {
    this.#unsent ??= [];
    await this.pc.setLocalDescription();
    this.#describe('offer');
  }

  /** Looks for a path anew (RFC 8445 section 9): offers again, with new credentials. @param {RTCIceServer[]} iceServers */
  async restart(iceServers) {
    this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers });
    this.pc.restartIce();
    await this.offer();
  }

  /** A description is on its way: candidates are kept until it is set. */
  expect() {
    this.#early ??= [];
  }

  /** @param {string} sdp the other side's offer; one of one's own that is unanswered is dropped for it */
  async accept(sdp) {
    await this.pc.setRemoteDescription({ type: 'offer', sdp });
    this.#unsent ??= [];
    await this.pc.setLocalDescription();
    this.#describe('answer');
    this.answered = true;
    await this.#applyEarly();
  }

  /** @param {string} sdp the other side's answer */
  async conclude(sdp) {
    if (this.pc.signalingState !== 'have-local-offer') return;
    await this.pc.setRemoteDescription({ type: 'answer', sdp });
    this.answered = true;
    await this.#applyEarly();
  }

  /**
   * Applies a candidate of the other side, once there is a description to apply it to. Those over the bound are dropped:
   * no honest peer has that many.
   * @param {WireCandidate} candidate null, or an empty one, is the end of candidates
   */
  async candidate(candidate) {
    if (this.#early === null) await this.#add(candidate);
    else if (this.#early.length < EARLY_CANDIDATES) this.#early.push(candidate);
  }

  /** @param {'offer' | 'answer'} type */
  #describe(type) {
    const unsent = this.#unsent ?? [];
    this.#unsent = null;
    if (this.pc.signalingState === 'closed') return;
    this.#say({ type, sdp: writeLine(this.pc.localDescription?.sdp ?? '', this.line), ice_restart: true });
    for (const candidate of unsent) this.#say({ type: 'candidate', candidate });
  }

  /** @param {RTCIceCandidate | null} found null after the last */
  #found(found) {
    if (found?.candidate === '') return; // the end of one generation; the null that ends them all follows
    if (found) tally(this.localCandidates, candidateType(found.candidate));
    const candidate = found?.toJSON() ?? null;
    if (this.#unsent) this.#unsent.push(candidate);
    else this.#say({ type: 'candidate', candidate });
  }

  async #applyEarly() {
    const early = this.#early ?? [];
    this.#early = null;
    // All at once: the browser applies them in this order, and later ones, the end among them, after these.
    await Promise.all(early.map((candidate) => this.#add(candidate)));
  }

  /** @param {WireCandidate} wire */
  async #add(wire) {
    const candidate =
      typeof wire === 'string' ? { candidate: wire.replace(/^a=/, ''), sdpMid: null, sdpMLineIndex: 0 } : wire;
    try {
      if (!candidate?.candidate) return await this.pc.addIceCandidate();
      tally(this.remoteCandidates, candidateType(candidate.candidate));
      return await this.pc.addIceCandidate(candidate);
    } catch {
      // A candidate that this browser cannot read is one path less, not the end of the attempt.
      tally(this.remoteCandidates, 'unusable');
      return undefined;
    }
  }
}

/** @param {Record<string, number>} counts @param {string} type */
function tally(counts, type) {
  counts[type] = (counts[type] ?? 0) + 1;
}

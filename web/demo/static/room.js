/** The room, which is loaded when somebody goes into one. */

import { connect, PeerIdTaken } from '/sdk/index.js';
import { forgetVisit, keepVisit, readVisit } from './kept-visit.js';
import { OWN_PROPERTIES, OWN_TAGS, RoomView } from './room-view.js';
import { TracedPeerConnection } from './trace.js';

/** @typedef {import('./room-link.js').RoomTarget} RoomTarget */
/** @typedef {import('./identity.js').Identity} Identity */
/** @typedef {import('./kept-visit.js').KeptVisit} KeptVisit */

export class Room {
  #view;
  /** Only the newest attempt to get in counts. */
  #attempt = 0;

  /**
   * @param {import('./banner.js').Banner} banner
   * @param {{ onLeave: () => void, onRejoin: () => void }} actions
   */
  constructor(banner, actions) {
    this.#view = new RoomView(banner, actions);
    addEventListener('pagehide', () => this.#keep(this.#view.suspend()));
    // From here on a phone may discard the page, without a word.
    document.addEventListener('visibilitychange', () => document.hidden && this.#keep(this.#view.kept));
  }

  /** @param {RoomTarget} target @param {Identity} identity */
  async join(target, identity) {
    const current = ++this.#attempt;
    this.#keep(this.#view.kept);
    const kept = readVisit(target.room, identity.peerId);
    this.#view.leave();
    this.#view.show(target, identity.peerId);
    try {
      const start = performance.now();
      const session = await this.#enter(target, identity, kept);
      if (current !== this.#attempt) return session.close();
      performance.measure('heliograph:register', { start, end: performance.now() });
      performance.mark('heliograph:registered');
      this.#view.enter(session, kept);
      this.#keep(this.#view.kept);
    } catch (error) {
      if (current !== this.#attempt) return undefined;
      this.#view.leave();
      throw error;
    }
    return undefined;
  }

  leave() {
    this.#attempt += 1;
    this.#view.leave();
    forgetVisit();
  }

  /** @param {KeptVisit | null} visit */
  #keep(visit) {
    if (visit) keepVisit(visit);
  }

  /** @param {RoomTarget} target @param {Identity} identity @param {KeptVisit | null} kept */
  async #enter(target, identity, kept) {
    const { room, token } = target;
    const options = {
      room,
      token,
      idToken: identity.idToken,
      role: 'browser',
      tags: OWN_TAGS,
      properties: OWN_PROPERTIES,
      connections: { RTCPeerConnection: TracedPeerConnection },
      signaling: { reconnectWindowMs: Infinity }, // as long as somebody has the page open
    };
    const ticket = /** @type {import('/sdk/core.js').Ticket | null} */ (kept?.ticket ?? null);
    try {
      return await connect({ ...options, ticket, peerId: identity.peerId });
    } catch (error) {
      if (!(error instanceof PeerIdTaken)) throw error;
      await identity.rename();
      this.#view.show(target, identity.peerId);
      return connect({ ...options, peerId: identity.peerId });
    }
  }
}

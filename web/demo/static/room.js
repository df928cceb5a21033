/** The room, which is loaded when somebody goes into one. */

import { connect, PeerIdTaken } from '/sdk/index.js';
import { keepVisit, takeVisit } from './kept-visit.js';
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
    addEventListener('pagehide', () => {
      const visit = this.#view.suspend();
      if (visit) keepVisit(visit);
    });
  }

  /** @param {RoomTarget} target @param {Identity} identity */
  async join(target, identity) {
    const current = ++this.#attempt;
    const kept = takeVisit(target.room, identity.peerId);
    this.#view.leave();
    this.#view.show(target, identity.peerId);
    try {
      const start = performance.now();
      const session = await this.#enter(target, identity, kept);
      if (current !== this.#attempt) return session.close();
      performance.measure('heliograph:register', { start, end: performance.now() });
      performance.mark('heliograph:registered');
      this.#view.enter(session, kept);
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
  }

  /** @param {RoomTarget} target @param {Identity} identity @param {KeptVisit | null} kept */
  async #enter({ room, token }, identity, kept) {
    const options = {
      room,
      token,
      idToken: identity.idToken,
      role: 'browser',
      tags: OWN_TAGS,
      properties: OWN_PROPERTIES,
      connections: { RTCPeerConnection: TracedPeerConnection },
    };
    const ticket = /** @type {import('/sdk/core.js').Ticket | null} */ (kept?.ticket ?? null);
    try {
      return await connect({ ...options, ticket, peerId: identity.peerId });
    } catch (error) {
      if (!(error instanceof PeerIdTaken)) throw error;
      await identity.rename();
      this.#view.show({ room, token, connect: null }, identity.peerId);
      return connect({ ...options, peerId: identity.peerId });
    }
  }
}

/** What every peer can do in its room: see who is there, say what it is, send messages, claim others. */

import { Emitter } from './events.js';
import { REQUEST_TIMEOUT_MS } from './core.js';
import { given, wireFilters } from './peer.js';

/** @typedef {import('./peer.js').Peer} Peer */
/** @typedef {import('./peer.js').Filters} Filters */
/** @typedef {{ signal?: AbortSignal | undefined }} Abortable */
/** @typedef {Abortable & { ack?: boolean }} MessageOptions with `ack`, waits until the server has dealt with it */
/** @typedef {{ tags?: string[], properties?: Record<string, unknown> }} Changes */
/**
 * @typedef {object} ClaimOptions
 * @property {number} [ttlS] until the claim ends by itself, 60 s unless given, at most 3,600
 * @property {number} [waitS] to wait in line for a free peer, 0 unless given
 * @property {(position: number) => void} [onQueued] the place in line; 1 is next
 * @property {AbortSignal} [signal] ends the wait; a claim that comes all the same is given back
 */

/**
 * While the connection to the server is lost, all of its methods wait for it to come back, 15 s at most. They throw what
 * the server refused with (`Refused`), or a `SignalingDown`, `ReplyTimeout`, `SendQueueFull`, `UnsupportedByServer`.
 * @template {{ [type: string]: Event }} Events
 * @extends {Emitter<Events>}
 */
export class Member extends Emitter {
  #core;

  /** @param {string} peerId @param {() => import('./core.js').Core} core */
  constructor(peerId, core) {
    super();
    this.peerId = peerId;
    this.#core = core;
  }

  /** The others in sight by their ids, as the server tells of them. @returns {ReadonlyMap<string, Peer>} */
  get roster() {
    return this.#core().roster;
  }

  /** `discover`, `signal`, `message`, `broadcast`, `claim`, `manage`. @returns {ReadonlySet<string>} */
  get grants() {
    return this.#core().grants;
  }

  /** When the room stops letting peers in, in Unix seconds; those inside may stay. @returns {number | null} */
  get expiresAt() {
    return this.#core().expiresAt;
  }

  /** The level of the protocol that the server speaks. */
  get level() {
    return this.#core().level;
  }

  /** The ids of the others in the room; this asks the server. @param {Abortable} [options] @returns {Promise<string[]>} */
  async peers(options) {
    /** @type {string[]} */
    const everyone = await this.#core().ask({ type: 'query' }, options);
    return everyone.filter((peerId) => peerId !== this.peerId);
  }

  /**
   * What there is to see of the room and who has signalled whom; `inspection` events tell what changes, until the session
   * is online anew. Needs the grant `manage`. The messages are those of the wire.
   * @param {string[]} [peers] one or two whose timeline it is to be
   * @param {Abortable} [options]
   * @returns {Promise<import('./protocol.js').Inspection>}
   */
  inspect(peers = [], options) {
    return this.#core().ask({ type: 'inspect', peers }, options);
  }

  /** The server's time in Unix seconds. @param {Abortable} [options] @returns {Promise<number>} */
  ping(options) {
    return this.#core().ask({ type: 'ping' }, options);
  }

  /** The others that pass; this asks the server. @param {Filters} [filters] @param {Abortable} [options] @returns {Promise<Peer[]>} */
  discover(filters = {}, options) {
    return this.#core().ask({ type: 'discover_peers', filters: wireFilters(filters) }, options);
  }

  /**
   * Claims one free peer that passes.
   * @param {Filters & ClaimOptions} [wanted]
   * @returns {Promise<import('./claim.js').Claim>}
   * @throws {import('./errors.js').NoPeerAvailable}
   */
  claim({ ttlS, waitS, onQueued, signal, ...filters } = {}) {
    const message = given({ type: 'claim_peer', filters: wireFilters(filters), ttl_s: ttlS, wait_s: waitS });
    const ms = (waitS ?? 0) * 1000 + REQUEST_TIMEOUT_MS;
    return this.#core().ask(message, { ms, signal, ...(onQueued && { onQueued }) });
  }

  /** Adds tags, sets properties (null removes one); gives all that there is then.
   * @param {Changes} changes @param {Abortable} [options] @returns {Promise<Required<Changes>>} */
  update(changes, options) {
    return this.#core().ask({ type: 'update_metadata', metadata: changes }, options);
  }

  /** Is in these groups from now on, and in no others. @param {string[]} groups @param {Abortable} [options] @returns {Promise<string[]>} */
  setGroups(groups, options) {
    return this.#core().ask({ type: 'set_groups', groups }, options);
  }

  /**
   * Sends a peer any JSON through the server, 64 KiB at most by default. Without `ack` it is queued, and should it not be
   * delivered, an `undelivered` event says so.
   * @param {string} peerId
   * @param {unknown} payload
   * @param {MessageOptions} [options]
   * @returns {Promise<'delivered' | 'buffered' | null>} with `ack`: handed over, or kept for a peer that is away
   */
  message(peerId, payload, options) {
    return this.#message({ type: 'peer_message', to_peer_id: peerId, payload }, options);
  }

  /** Sends everyone else in one of this peer's groups any JSON, as `message` does.
   * @param {string} group @param {unknown} payload @param {MessageOptions} [options] @returns {Promise<'delivered' | 'buffered' | null>} */
  broadcast(group, payload, options) {
    return this.#message({ type: 'peer_message', to_group: group, payload }, options);
  }

  /** @param {import('./protocol.js').PeerMessage} message @param {MessageOptions} [options] */
  async #message(message, { ack = false, signal } = {}) {
    if (ack) return this.#core().ask(message, { signal });
    await this.#core().send(message, { signal });
    return null;
  }
}

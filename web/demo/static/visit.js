/** Being in a room: the session, the conversations in it, and the claims. What is shown of it is for others. */

import { ConnectionLost, NoPeerAvailable, PeerNotFound } from '/sdk/index.js';
import { Conversation } from './conversation.js';
import { clock } from './format.js';
import { known } from './known.js';
import { serveMethods } from './methods.js';

/** A connection that broke is made again so often by itself, each time after a longer pause. */
const REDIALS = 4;
const REDIAL_MS = 1000;
/** The server tells of peers, but not of claims on them: those are asked for, as long as somebody can see them. */
const HOLDERS_MS = 3000;
const CLAIM_TTL_S = 600;
const CLAIM_WAIT_S = 60;

/** @typedef {import('/sdk/index.js').Session} Session */
/** @typedef {import('/sdk/index.js').Claim} Claim */
/** @typedef {import('/sdk/peer.js').Peer} Peer */
/** @typedef {import('./kept-visit.js').KeptVisit} KeptVisit */

/**
 * Events: `change` when anything is different; `conversation` when one begins from the other side; `failure` with what
 * went wrong (`error`, and `conversation` where it was about one); `news` of the room with `change` and `peer`.
 */
export class Visit extends EventTarget {
  /** @type {Map<string, Conversation>} */
  conversations = new Map();
  /** Those that are held, by the peer's id. @type {Map<string, Claim>} */
  claims = new Map();
  /** Who holds claims on each worker. @type {Map<string, string[]>} */
  holders = new Map();
  /** The place in the line for a free worker: 0 while the answer is awaited, null when nothing is. @type {number | null} */
  queue = null;
  #claiming = new AbortController();
  /** @type {Map<string, number>} */
  #redials = new Map();
  #over = new AbortController();
  #holdersTimer = 0;

  /** @param {Session} session online */
  constructor(session) {
    super();
    this.session = session;
    const { signal } = this.#over;
    session.on('connection', ({ connection }) => this.#incoming(connection), { signal });
    session.on('state', () => this.#changed(), { signal });
    session.on('peer', (news) => this.#peerNews(news), { signal });
    document.addEventListener('visibilitychange', () => void this.#askHolders(), { signal });
    serveMethods(session);
    void this.#askHolders();
  }

  get isOver() {
    return this.#over.signal.aborted;
  }

  /** Everyone else who is here, and those with whom one is still connected, by name. @returns {(Peer | string)[]} */
  get people() {
    const { roster } = this.session;
    const gone = [...this.conversations.values()].filter(({ isLive, peerId }) => isLive && !roster.has(peerId));
    const names = [...roster.keys(), ...gone.map(({ peerId }) => peerId)];
    names.sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
    return names.map((name) => roster.get(name) ?? name);
  }

  /** Goes on where an earlier page was. @param {KeptVisit} kept */
  restore({ said, connected }) {
    for (const [peerId, texts] of Object.entries(said)) {
      if (Array.isArray(texts) && texts.length > 0) this.conversation(peerId).restore(texts);
    }
    for (const peerId of connected) this.dialWhenHere(peerId);
  }

  /**
   * What another page needs to go on here, but for the ticket: that of a session which goes on is soon out of date.
   * @param {string} room @param {string | null} shown @returns {KeptVisit}
   */
  kept(room, shown) {
    const all = [...this.conversations.values()];
    const connected = all.filter(({ isLive, awaited, isCaller }) => awaited || (isLive && isCaller)).map((one) => one.peerId);
    const said = Object.fromEntries(all.map((conversation) => [conversation.peerId, conversation.said]));
    return { room, peerId: this.session.peerId, ticket: null, connected, shown, said };
  }

  /** Ends the visit, not the session. @returns {object | null} the ticket that brings it back */
  suspend() {
    // The next page does not know the claims of this one.
    for (const claim of this.claims.values()) claim.release().catch(() => {});
    this.#end();
    return this.session.suspend();
  }

  leave() {
    this.#end();
    this.session.close();
  }

  #end() {
    this.#over.abort();
    for (const conversation of this.conversations.values()) conversation.discard();
    this.#claiming.abort();
    clearTimeout(this.#holdersTimer);
  }

  /** @param {string} peerId @returns {Conversation} */
  dial(peerId) {
    const conversation = this.conversation(peerId);
    try {
      const connection = this.session.dial(peerId);
      conversation.isCaller = true;
      conversation.attach(connection);
    } catch (error) {
      this.#failed(error, conversation);
    }
    return conversation;
  }

  /** @param {string} peerId @returns {Conversation} */
  dialWhenHere(peerId) {
    if (this.session.roster.get(peerId)?.state === 'online') return this.dial(peerId);
    const conversation = this.conversation(peerId);
    conversation.awaited = true;
    this.#changed();
    return conversation;
  }

  /** @param {string} peerId @returns {Conversation} */
  conversation(peerId) {
    const existing = this.conversations.get(peerId);
    if (existing) return existing;
    const conversation = new Conversation(peerId);
    this.conversations.set(peerId, conversation);
    const { signal } = this.#over;
    conversation.addEventListener('change', () => this.#conversationChanged(conversation), { signal });
    conversation.addEventListener(
      'failure',
      (event) => this.#failed(/** @type {CustomEvent} */ (event).detail, conversation),
      { signal },
    );
    return conversation;
  }

  /** Claims any worker that is free, or waits in line for one; then connects to it. @returns {Promise<Conversation | null>} */
  async claimWorker() {
    this.#claiming = new AbortController();
    this.#queued(0);
    try {
      const claim = await this.session.claim({
        role: 'worker',
        state: 'online',
        ttlS: CLAIM_TTL_S,
        waitS: CLAIM_WAIT_S,
        onQueued: (position) => this.#queued(position),
        signal: this.#claiming.signal,
      });
      this.#hold(claim);
      return this.dial(claim.peerId);
    } catch (error) {
      if (!this.#claiming.signal.aborted) this.#failed(error, null);
      return null;
    } finally {
      this.#queued(null);
    }
  }

  stopClaiming() {
    this.#claiming.abort();
  }

  /** @param {string} peerId */
  async release(peerId) {
    try {
      await this.claims.get(peerId)?.release();
    } catch (error) {
      this.#failed(error, null);
    }
  }

  /** @param {Claim} claim */
  #hold(claim) {
    const { peerId } = claim;
    this.claims.set(peerId, claim);
    this.conversation(peerId).note(`Yours until ${clock(new Date(claim.expiresAt * 1000))}`);
    void claim.over.then((reason) => {
      if (this.claims.get(peerId) === claim) this.claims.delete(peerId);
      /** @type {Record<string, string>} */
      const words = { released: 'Given back', expired: 'The claim has run out', left: 'The claim ended: they left' };
      this.conversation(peerId).note(known(words, reason) ?? 'The claim is lost: the session with the server was');
      this.#changed();
    });
    this.#changed();
  }

  async #askHolders() {
    clearTimeout(this.#holdersTimer);
    if (this.isOver || document.hidden) return;
    const { session } = this;
    if (session.state === 'online' && [...session.roster.values()].some(({ role }) => role === 'worker')) {
      try {
        const workers = await session.discover({ role: 'worker' }, { signal: this.#over.signal });
        this.holders = new Map(workers.map(({ peerId, claimedBy = [] }) => [peerId, claimedBy]));
        this.#changed();
      } catch {
        // The session's own state tells why; the next time may be better.
      }
    }
    clearTimeout(this.#holdersTimer);
    this.#holdersTimer = setTimeout(() => void this.#askHolders(), HOLDERS_MS);
  }

  /** @param {number | null} position */
  #queued(position) {
    this.queue = position;
    this.#changed();
  }

  /** @param {import('/sdk/index.js').Connection} connection */
  #incoming(connection) {
    const conversation = this.conversation(connection.peerId);
    conversation.isCaller = false;
    conversation.attach(connection);
    this.dispatchEvent(new CustomEvent('conversation', { detail: conversation }));
  }

  /** @param {import('/sdk/roster.js').PeerNews} news */
  #peerNews({ change, peer, reason }) {
    const conversation = this.conversations.get(peer.peerId);
    if (change === 'left' && conversation?.state === 'disconnected') {
      const words = `${peer.peerId} is gone`;
      conversation.connection?.end(new ConnectionLost('CONNECTION_LOST', words), 'failed');
    }
    if (conversation?.awaited && peer.state === 'online' && change !== 'left') this.dial(peer.peerId);
    this.dispatchEvent(new CustomEvent('news', { detail: { change, peer, reason } }));
    this.#changed();
  }

  /** @param {Conversation} conversation */
  #conversationChanged(conversation) {
    if (conversation.state === 'open') this.#redials.delete(conversation.peerId);
    this.#changed();
  }

  /** @param {unknown} error @param {Conversation | null} conversation */
  #failed(error, conversation) {
    if (conversation && error instanceof ConnectionLost && conversation.isCaller && this.#redial(conversation)) return;
    if (conversation && error instanceof PeerNotFound && conversation.awaited) return;
    const detail = { error: error instanceof NoPeerAvailable ? new NobodyFree() : error, conversation };
    this.dispatchEvent(new CustomEvent('failure', { detail }));
  }

  /** @param {Conversation} conversation @returns {boolean} whether there is another attempt */
  #redial(conversation) {
    const { peerId } = conversation;
    const made = this.#redials.get(peerId) ?? 0;
    if (made >= REDIALS) return false;
    this.#redials.set(peerId, made + 1);
    conversation.note('The path broke. Looking for another one…');
    setTimeout(() => {
      if (!this.isOver && !conversation.isLive) this.dialWhenHere(peerId);
    }, REDIAL_MS * 2 ** made);
    return true;
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

/** There is a code for it in the SDK; what a person can do about it depends on the wait that went before. */
class NobodyFree extends Error {
  code = 'NOBODY_FREE';
}

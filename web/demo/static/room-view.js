/** The second screen: one room, who is in it, and the conversations. */

import { announce } from './announcer.js';
import { Composer } from './composer.js';
import { ConnectionPanel } from './connection-panel.js';
import { ConversationPanel } from './conversation-panel.js';
import { byTestId, find, say } from './dom.js';
import { Invite } from './invite.js';
import { METHODS } from './methods.js';
import { People } from './people.js';
import { ServerState } from './server-state.js';
import { Views } from './views.js';
import { Visit } from './visit.js';

/** @typedef {import('/sdk/index.js').Session} Session */
/** @typedef {import('./room-link.js').RoomTarget} RoomTarget */
/** @typedef {import('./conversation.js').Conversation} Conversation */
/** @typedef {import('./kept-visit.js').KeptVisit} KeptVisit */

export const OWN_TAGS = ['browser'];
export const OWN_PROPERTIES = { methods: METHODS };

/** @type {Record<string, string>} */
const NEWS = { joined: 'came in', away: 'is away', back: 'is back', left: 'has left' };

export class RoomView {
  #root = find('#room');
  #serverState = new ServerState();
  #views = new Views();
  #invite = new Invite();
  #link = new ConnectionPanel();
  #panel = new ConversationPanel((peerId) => this.#dial(peerId));
  #composer;
  #people;
  #banner;
  /** @type {Visit | null} */
  #visit = null;
  /** @type {RoomTarget | null} */
  #target = null;
  #drawing = 0;

  /**
   * @param {import('./banner.js').Banner} banner
   * @param {{ onLeave: () => void, onRejoin: () => void }} actions
   */
  constructor(banner, { onLeave, onRejoin }) {
    this.#banner = banner;
    this.onRejoin = onRejoin;
    this.#composer = new Composer(
      () => (this.#panel.shown?.state === 'open' ? this.#panel.shown : null),
      (error) => banner.show(error),
    );
    this.#people = new People({
      onChoose: (peerId) => this.#choose(peerId),
      onRelease: (peerId) => void this.#visit?.release(peerId),
      onClaim: () => void this.#claim(),
      onStopClaiming: () => this.#visit?.stopClaiming(),
      onTag: (tag) => this.#tag(tag),
    });
    find('#leave-room').addEventListener('click', onLeave);
  }

  /** Shows the room while the door is still opening. @param {RoomTarget} target @param {string} ownPeerId */
  show(target, ownPeerId) {
    const isNew = this.#root.hidden;
    this.#target = target;
    this.#show(null);
    this.#people.reset(ownPeerId, OWN_TAGS);
    this.#invite.show(target);
    say(byTestId('room-id'), target.room);
    say(find('#room-title'), `Room ${target.room}`);
    document.title = `${target.room} · Heliograph`;
    this.#serverState.isExpiring = false;
    this.#serverState.show('connecting');
    find('#place').hidden = this.#root.hidden = false;
    this.#root.dataset.entering = '';
    document.body.dataset.screen = 'room';
    this.#idle(true);
    if (isNew) find('#room-title').focus({ preventScroll: true });
  }

  /** @param {Session} session online @param {KeptVisit | null} kept of the page before a reload */
  enter(session, kept) {
    const visit = new Visit(session);
    this.#visit = visit;
    delete this.#root.dataset.entering;
    this.#invite.expiresAt = session.expiresAt;
    this.#follow(session, visit);
    this.#serverState.show('online');
    this.#offerInspector(session);
    if (kept) {
      visit.restore(kept);
      const shown = kept.shown === null ? undefined : visit.conversations.get(kept.shown);
      if (shown) this.#show(shown);
    }
    const { connect = null } = this.#target ?? {};
    if (connect !== null) this.#show(visit.dialWhenHere(connect));
    this.#views.show(this.#panel.shown ? 'talk' : 'people');
    this.#draw();
  }

  /** To those who may manage the room; the page takes this tab's sign-in over. @param {Session} session */
  #offerInspector(session) {
    const link = /** @type {HTMLAnchorElement} */ (find('#open-inspector'));
    const { room = '', token = '' } = this.#target ?? {};
    link.href = `/inspector#${new URLSearchParams({ room, token })}`;
    link.hidden = !session.grants.has('manage');
  }

  /** What a page after this one could take over, should this one end without notice. @returns {KeptVisit | null} */
  get kept() {
    if (this.#visit === null || this.#target === null || this.#visit.isOver) return null;
    return this.#visit.kept(this.#target.room, this.#panel.shown?.peerId ?? null);
  }

  /** Ends the visit for the page that comes after this one. @returns {KeptVisit | null} */
  suspend() {
    const { kept } = this;
    if (kept === null || this.#visit === null || this.#visit.session.state === 'closed') return kept;
    return { ...kept, ticket: this.#visit.suspend() };
  }

  leave() {
    this.#visit?.leave();
    this.#visit = null;
    this.#target = null;
    this.#show(null);
    this.#invite.show(null);
    find('#open-inspector').hidden = find('#place').hidden = this.#root.hidden = true;
    delete document.body.dataset.screen;
    this.#serverState.show('idle');
  }

  /** @param {Session} session @param {Visit} visit */
  #follow(session, visit) {
    session.on('state', ({ state, error }) => {
      if (this.#visit !== visit) return;
      this.#serverState.show(state);
      if (state === 'closed' && error) this.#banner.show(error, { label: 'Join again', run: this.onRejoin });
    });
    session.on('expiring', ({ expiresAt }) => {
      this.#invite.expiresAt = expiresAt;
      this.#serverState.isExpiring = true;
    });
    session.on('draining', () => this.#serverState.show('draining'));
    visit.addEventListener('change', () => this.#drawSoon());
    visit.addEventListener('conversation', (event) => {
      const conversation = /** @type {CustomEvent} */ (event).detail;
      // Whoever calls does not get what was written to somebody else, nor takes it from view.
      if (this.#panel.shown?.isLive || this.#composer.isWriting) announce(`${conversation.peerId} has connected`);
      else this.#show(conversation);
    });
    visit.addEventListener('news', (event) => {
      const { change, peer } = /** @type {CustomEvent} */ (event).detail;
      if (NEWS[change]) announce(`${peer.peerId} ${NEWS[change]}`);
    });
    visit.addEventListener('failure', (event) => {
      const { error, conversation } = /** @type {CustomEvent} */ (event).detail;
      const again = conversation && { label: 'Try again', run: () => this.#dial(conversation.peerId) };
      this.#banner.show(error, again ?? undefined);
    });
  }

  /** Much changes at once: one drawing for all of it. */
  #drawSoon() {
    if (this.#drawing) return;
    this.#drawing = setTimeout(() => {
      this.#drawing = 0;
      this.#draw();
    }, 16);
  }

  #draw() {
    const visit = this.#visit;
    if (visit === null) return;
    const { shown } = this.#panel;
    this.#people.render(visit, shown);
    this.#idle(visit.people.length === 0);
    const { methods } = (shown && visit.session.roster.get(shown.peerId)?.metadata.properties) ?? {};
    const names = Array.isArray(methods) ? methods.filter((name) => typeof name === 'string') : [];
    this.#composer.update(shown?.state === 'open', names);
    const unread = [...visit.conversations.values()].some((one) => one.unread > 0 && one !== shown);
    this.#views.mark('people', unread);
    this.#views.mark('talk', shown !== null && this.#root.dataset.view === 'people' && shown.isLive);
  }

  /** @param {boolean} isAlone */
  #idle(isAlone) {
    find('#idle-copy').hidden = !isAlone;
    find('#conversation').toggleAttribute('data-alone', isAlone);
    const entering = 'entering' in this.#root.dataset;
    say(find('#idle-title'), entering ? 'Entering…' : isAlone ? 'Nobody to signal to yet' : 'Choose who to signal to');
    say(
      find('#idle-advice'),
      isAlone
        ? 'Send the room link to somebody, scan it with a phone, or open it in a second tab.'
        : 'Press Connect beside a name, or claim a worker that is free.',
    );
    if (isAlone && this.#visit !== null && !this.#panel.shown) this.#invite.drawCode();
  }

  /** @param {string} peerId */
  #choose(peerId) {
    const conversation = this.#visit?.conversations.get(peerId);
    if (conversation?.isLive) this.#show(conversation);
    else this.#dial(peerId);
    this.#views.show('talk');
    this.#composer.focus();
  }

  /** @param {string} peerId */
  #dial(peerId) {
    this.#banner.hide();
    if (this.#visit) this.#show(this.#visit.dial(peerId));
  }

  async #claim() {
    this.#banner.hide();
    const conversation = await this.#visit?.claimWorker();
    if (!conversation) return;
    this.#show(conversation);
    this.#views.show('talk');
  }

  /** @param {string} tag */
  async #tag(tag) {
    try {
      return (await this.#visit?.session.update({ tags: [tag] }))?.tags ?? null;
    } catch (error) {
      this.#banner.show(error);
      return null;
    }
  }

  /** @param {Conversation | null} conversation */
  #show(conversation) {
    this.#panel.show(conversation);
    this.#composer.show(conversation);
    this.#link.show(conversation);
    this.#composer.update(conversation?.state === 'open', []);
    this.#drawSoon();
  }
}

/** The second screen: one room, who is in it, and the conversations. */

import { PeerNotFound } from '/sdk/index.js';
import { Conversation } from './conversation.js';
import { ConversationPanel } from './conversation-panel.js';
import { byTestId, copyFrom, find, say } from './dom.js';
import { People } from './people.js';
import { roomLink } from './room-link.js';

/** How often the list of people is asked for while somebody can see it. */
const POLL_MS = 2000;

/** @typedef {import('/sdk/index.js').Session} Session */
/** @typedef {import('./room-link.js').RoomTarget} RoomTarget */

/** @type {Record<string, string>} */
const SERVER_STATES = {
  connecting: 'Joining the room…',
  online: 'In the room',
  reconnecting: 'Server out of reach, trying again…',
  closed: 'Out of the room',
};

export class RoomView {
  #root = find('#room');
  #serverState = find('#server-state');
  #people = new People((peerId) => this.#choose(peerId));
  #panel;
  #banner;
  /** @type {Session | null} */
  #session = null;
  /** @type {RoomTarget | null} */
  #target = null;
  /** @type {Map<string, Conversation>} */
  #conversations = new Map();
  /** @type {string[]} */
  #present = [];
  #pollTimer = 0;

  /**
   * @param {import('./banner.js').Banner} banner
   * @param {{ onLeave: () => void, onRejoin: () => void }} actions
   */
  constructor(banner, { onLeave, onRejoin }) {
    this.#banner = banner;
    this.#panel = new ConversationPanel(
      (peerId) => this.#dial(peerId),
      (error) => banner.show(error),
    );
    this.onRejoin = onRejoin;
    find('#leave-room').addEventListener('click', onLeave);
    for (const button of document.querySelectorAll('[data-copy]')) {
      button.addEventListener('click', () => void this.#copy(/** @type {HTMLElement} */ (button)));
    }
    document.addEventListener('visibilitychange', () => this.#poll());
  }

  /** Shows the room while the door is still opening. @param {RoomTarget} target @param {string} ownPeerId */
  show(target, ownPeerId) {
    this.#target = target;
    this.#conversations.clear();
    this.#present = [];
    this.#panel.show(null);
    this.#people.reset(ownPeerId);
    const link = /** @type {HTMLAnchorElement} */ (byTestId('room-link'));
    link.href = roomLink(target.room, target.token);
    say(link, `${location.host}/#room=${target.room}…`);
    say(byTestId('room-id'), target.room);
    say(find('[data-part="room"]', this.#root), target.room);
    say(find('[data-part="token"]', this.#root), target.token);
    document.title = `${target.room} · Heliograph`;
    this.#showServerState('connecting');
    this.#root.hidden = false;
  }

  /** @param {Session} session online */
  enter(session) {
    this.#session = session;
    session.on('connection', ({ connection }) => this.#incoming(connection));
    session.on('state', ({ state, error }) => this.#session === session && this.#serverChanged(state, error));
    this.#serverChanged('online', null);
    if (this.#target?.connect) this.#dial(this.#target.connect);
  }

  /** Leaves the room and the screen. */
  leave() {
    clearTimeout(this.#pollTimer);
    const session = this.#session;
    this.#session = null;
    session?.close();
    this.#root.hidden = true;
    this.#serverState.dataset.state = 'idle';
    say(this.#serverState, '');
  }

  /** @param {import('/sdk/signaling.js').SignalingState} state @param {Error | null} error */
  #serverChanged(state, error) {
    this.#showServerState(state);
    if (state === 'online') this.#poll();
    if (state === 'closed' && error) this.#banner.show(error, { label: 'Join again', run: this.onRejoin });
  }

  /** @param {string} state */
  #showServerState(state) {
    this.#serverState.dataset.state = state;
    say(this.#serverState, SERVER_STATES[state] ?? state);
  }

  /** Asks who is here, now and again after a while, for as long as the page can be seen. */
  #poll() {
    clearTimeout(this.#pollTimer);
    const session = this.#session;
    if (session === null || session.state !== 'online' || document.hidden) return;
    this.#pollTimer = setTimeout(() => this.#poll(), POLL_MS);
    session.peers().then(
      (peers) => this.#session === session && this.#arrived(peers),
      () => {}, // the session's own state tells why
    );
  }

  /** @param {string[]} peers */
  #arrived(peers) {
    this.#present = peers;
    for (const { awaited, peerId } of this.#conversations.values())
      if (awaited && peers.includes(peerId)) this.#dial(peerId);
    this.#refresh();
  }

  #refresh() {
    this.#people.render(this.#present, this.#conversations, this.#panel.shown);
    const isAlone = this.#present.length === 0;
    find('#idle-copy').hidden = !isAlone;
    say(find('#idle-title'), isAlone ? 'Nobody to signal to yet' : 'Choose who to signal to');
    say(
      find('#idle-advice'),
      isAlone ? 'Send the room link to somebody, or open it in a second tab.' : 'Press Connect beside a name.',
    );
  }

  /** @param {string} peerId */
  #choose(peerId) {
    const conversation = this.#conversations.get(peerId);
    if (conversation?.isLive) this.#show(conversation);
    else this.#dial(peerId);
    this.#panel.focus();
  }

  /** @param {string} peerId */
  #dial(peerId) {
    this.#banner.hide();
    try {
      const connection = this.#session?.dial(peerId);
      if (!connection) return;
      const conversation = this.#conversation(peerId);
      conversation.attach(connection);
      this.#show(conversation);
    } catch (error) {
      this.#banner.show(error);
    }
  }

  /** @param {import('/sdk/index.js').Connection} connection */
  #incoming(connection) {
    const conversation = this.#conversation(connection.peerId);
    conversation.attach(connection);
    if (!this.#panel.shown?.isLive) this.#show(conversation);
    this.#poll();
  }

  /** @param {string} peerId */
  #conversation(peerId) {
    const existing = this.#conversations.get(peerId);
    if (existing) return existing;
    const conversation = new Conversation(peerId);
    this.#conversations.set(peerId, conversation);
    conversation.addEventListener('change', () => this.#refresh());
    conversation.addEventListener('failure', (event) => {
      this.#failed(conversation, /** @type {CustomEvent} */ (event).detail);
    });
    return conversation;
  }

  /** @param {Conversation} conversation @param {unknown} error */
  #failed(conversation, error) {
    const { peerId } = conversation;
    if (error instanceof PeerNotFound && this.#target?.connect === peerId) {
      conversation.awaited = true; // the link names a peer that has not come yet
      return;
    }
    this.#banner.show(error, { label: 'Try again', run: () => this.#dial(peerId) });
  }

  /** @param {Conversation} conversation */
  #show(conversation) {
    this.#panel.show(conversation);
    this.#refresh();
  }

  /** @param {HTMLElement} button */
  async #copy(button) {
    if (this.#target === null) return;
    const { room, token } = this.#target;
    /** @type {Record<string, string>} */
    const texts = { link: roomLink(room, token), room, token };
    await copyFrom(button, texts[button.dataset.copy ?? ''] ?? '');
  }
}

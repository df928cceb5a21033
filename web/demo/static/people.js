/** Who is in the room. */

import { byTestId, find, fromTemplate, say } from './dom.js';

/** @typedef {import('./conversation.js').Conversation} Conversation */

/** @type {Record<string, string>} */
const NOTES = {
  idle: 'here',
  awaited: 'expected',
  connecting: 'connecting…',
  open: 'connected',
  disconnected: 'interrupted',
  closed: 'here',
  failed: 'no connection',
};

export class People {
  #list = byTestId('peer-list');
  #empty = find('#people-empty');
  /** @type {Map<string, HTMLElement>} */
  #items = new Map();

  /** @param {(peerId: string) => void} onChoose */
  constructor(onChoose) {
    this.onChoose = onChoose;
  }

  /** @param {string} ownPeerId */
  reset(ownPeerId) {
    const self = fromTemplate('self-item');
    say(byTestId('own-peer-id', self), ownPeerId);
    this.#items.clear();
    this.#list.replaceChildren(self);
  }

  /**
   * @param {string[]} present
   * @param {ReadonlyMap<string, Conversation>} conversations
   * @param {Conversation | null} shown
   */
  render(present, conversations, shown) {
    const live = [...conversations.values()].filter(({ isLive }) => isLive).map(({ peerId }) => peerId);
    const names = [...new Set([...present, ...live])].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
    for (const [name, item] of this.#items) {
      if (names.includes(name)) continue;
      item.remove();
      this.#items.delete(name);
    }
    for (const name of names) this.#update(name, conversations.get(name), present.includes(name), shown);
    this.#order(names);
    this.#empty.hidden = names.length > 0;
  }

  /** @param {string} name @param {Conversation | undefined} conversation @param {boolean} isHere @param {Conversation | null} shown */
  #update(name, conversation, isHere, shown) {
    const item = this.#items.get(name) ?? this.#make(name);
    const state = conversation?.state ?? 'idle';
    const isShown = conversation !== undefined && conversation === shown;
    const unread = isShown ? 0 : (conversation?.unread ?? 0);
    item.dataset.state = state;
    item.toggleAttribute('data-shown', isShown);
    const note = isHere ? (NOTES[state] ?? '') : `${NOTES[state]}, has left the room`;
    say(find('.peer-note', item), unread > 0 ? `${note} · ${unread} new` : note);
    const button = byTestId('connect-button', item);
    const verb = conversation?.isLive ? 'Show' : 'Connect';
    say(button, verb);
    button.setAttribute('aria-label', verb === 'Show' ? `Show the conversation with ${name}` : `Connect to ${name}`);
    button.classList.toggle('unseen-when-shown', verb === 'Show' && isShown);
  }

  /** @param {string} name */
  #make(name) {
    const item = fromTemplate('peer-item');
    item.dataset.peer = name;
    say(find('.peer-name', item), name);
    byTestId('connect-button', item).addEventListener('click', () => this.onChoose(name));
    this.#items.set(name, item);
    return item;
  }

  /** Moves only what is not in its place, so that nobody loses the focus. @param {string[]} names */
  #order(names) {
    names.forEach((name, index) => {
      const item = /** @type {HTMLElement} */ (this.#items.get(name));
      const place = this.#list.children[index + 1] ?? null; // after this tab itself
      if (place !== item) this.#list.insertBefore(item, place);
    });
  }
}

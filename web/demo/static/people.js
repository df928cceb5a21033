/** Who is in the room, oneself first. */

import { byTestId, find, fromTemplate, say } from './dom.js';
import { drawTags, PeerCard } from './peer-card.js';

/** @typedef {import('./visit.js').Visit} Visit */
/** @typedef {import('./conversation.js').Conversation} Conversation */

/**
 * @typedef {object} PeopleActions
 * @property {(peerId: string) => void} onChoose
 * @property {(peerId: string) => void} onRelease
 * @property {() => void} onClaim
 * @property {() => void} onStopClaiming
 * @property {(tag: string) => Promise<string[] | null>} onTag gives the tags that there are then; null if that failed
 */

export class People {
  #list = byTestId('peer-list');
  /** @type {Map<string, PeerCard>} */
  #cards = new Map();
  #actions;

  /** @param {PeopleActions} actions */
  constructor(actions) {
    this.#actions = actions;
    find('#claim').addEventListener('click', () => actions.onClaim());
    find('#claim-cancel').addEventListener('click', () => actions.onStopClaiming());
  }

  /** @param {string} ownPeerId @param {string[]} ownTags */
  reset(ownPeerId, ownTags) {
    const self = fromTemplate('self-item');
    say(byTestId('own-peer-id', self), ownPeerId);
    drawTags(byTestId('own-tags', self), ownTags);
    this.#takeTags(self);
    this.#cards.clear();
    this.#list.replaceChildren(self);
    find('#claim').hidden = find('#claiming').hidden = find('#people-empty').hidden = true;
    say(find('#people-count'), '');
  }

  /** @param {Visit} visit @param {Conversation | null} shown */
  render(visit, shown) {
    const { people, session, conversations, claims, holders } = visit;
    const names = people.map((one) => (typeof one === 'string' ? one : one.peerId));
    for (const [name, card] of this.#cards) {
      if (names.includes(name)) continue;
      card.element.remove();
      this.#cards.delete(name);
    }
    for (const [index, one] of people.entries()) {
      const name = names[index] ?? '';
      const conversation = conversations.get(name);
      const isShown = conversation !== undefined && conversation === shown;
      this.#card(name).update(typeof one === 'string' ? null : one, {
        conversation,
        isShown,
        claim: claims.get(name),
        holders: holders.get(name) ?? [],
        ownPeerId: session.peerId,
      });
    }
    this.#order(names);
    find('#people-empty').hidden = names.length > 0;
    say(find('#people-count'), names.length > 0 ? String(names.length + 1) : '');
    this.#claiming(visit);
  }

  /** @param {Visit} visit */
  #claiming({ session, queue }) {
    const hasWorkers = [...session.roster.values()].some(({ role }) => role === 'worker');
    find('#claim').hidden = queue !== null || !hasWorkers || !session.grants.has('claim');
    find('#claiming').hidden = queue === null;
    const place = queue === 1 ? 'You are next in line.' : `You are number ${queue} in line.`;
    say(find('#claiming-words'), queue === null ? '' : queue === 0 ? 'Looking for a free worker…' : `All are taken. ${place}`);
  }

  /** @param {string} name */
  #card(name) {
    const known = this.#cards.get(name);
    if (known) return known;
    const card = new PeerCard(name, {
      onConnect: () => this.#actions.onChoose(name),
      onRelease: () => this.#actions.onRelease(name),
    });
    this.#cards.set(name, card);
    return card;
  }

  /** @param {HTMLElement} self */
  #takeTags(self) {
    const form = byTestId('tag-form', self);
    const input = /** @type {HTMLInputElement} */ (byTestId('tag-input', self));
    const edit = byTestId('edit-tags', self);
    edit.addEventListener('click', () => {
      form.hidden = !form.hidden;
      edit.setAttribute('aria-expanded', String(!form.hidden));
      if (!form.hidden) input.focus();
    });
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const tag = input.value.trim();
      if (tag === '') return;
      const tags = await this.#actions.onTag(tag);
      if (tags === null) return;
      input.value = '';
      drawTags(byTestId('own-tags', self), tags);
    });
  }

  /** Moves only what is not in its place, so that nobody loses the focus. @param {string[]} names */
  #order(names) {
    names.forEach((name, index) => {
      const { element } = this.#card(name);
      const place = this.#list.children[index + 1] ?? null; // after this tab itself
      if (place !== element) this.#list.insertBefore(element, place);
    });
  }
}

/** Somebody in the room: what they say of themselves, and what one can do with them. */

import { byTestId, find, fromTemplate, say } from './dom.js';
import { clock, cut, oneLine } from './format.js';

/** @typedef {import('./conversation.js').Conversation} Conversation */
/** @typedef {import('/sdk/peer.js').Peer} Peer */

const MAX_TAGS = 12;
const MAX_TAG_LENGTH = 40;
const MAX_PROPERTIES = 8;
const MAX_VALUE_LENGTH = 120;

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

/**
 * @typedef {object} Situation
 * @property {Conversation | undefined} conversation
 * @property {boolean} isShown
 * @property {import('/sdk/index.js').Claim | undefined} claim held by this page
 * @property {string[]} holders of claims on it
 * @property {string} ownPeerId
 */

export class PeerCard {
  element = fromTemplate('peer-item');
  #name;
  /** What is drawn of the metadata. */
  #drawn = '';

  /** @param {string} name @param {{ onConnect: () => void, onRelease: () => void }} actions */
  constructor(name, { onConnect, onRelease }) {
    this.#name = name;
    this.element.dataset.peer = name;
    say(find('.peer-name', this.element), name);
    byTestId('connect-button', this.element).addEventListener('click', onConnect);
    const release = byTestId('release-button', this.element);
    release.setAttribute('aria-label', `Release ${name}`);
    release.addEventListener('click', onRelease);
  }

  /** @param {Peer | null} peer null for one that has left and is still connected @param {Situation} situation */
  update(peer, { conversation, isShown, claim, holders, ownPeerId }) {
    const state = conversation?.state ?? 'idle';
    const { element } = this;
    element.dataset.state = state;
    element.dataset.presence = peer?.state ?? 'left';
    element.dataset.claimed = claim ? 'mine' : holders.length > 0 ? 'other' : 'no';
    element.toggleAttribute('data-shown', isShown);
    const unread = isShown ? 0 : (conversation?.unread ?? 0);
    const parts = [presence(peer, state), claimWords(claim, holders, ownPeerId), unread > 0 ? `${unread} new` : ''];
    say(byTestId('peer-note', element), parts.filter((part) => part !== '').join(' · '));
    say(byTestId('peer-role', element), cut(peer?.role ?? '', MAX_TAG_LENGTH));
    byTestId('peer-role', element).hidden = !peer?.role;
    this.#connectButton(conversation?.isLive ?? false, isShown);
    byTestId('release-button', element).hidden = !claim;
    this.#metadata(peer);
  }

  /** @param {boolean} isLive @param {boolean} isShown */
  #connectButton(isLive, isShown) {
    const button = byTestId('connect-button', this.element);
    say(button, isLive ? 'Show' : 'Connect');
    button.setAttribute('aria-label', isLive ? `Show the conversation with ${this.#name}` : `Connect to ${this.#name}`);
    if (isLive && isShown) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
  }

  /** @param {Peer | null} peer */
  #metadata(peer) {
    const { tags = [], properties = {} } = peer?.metadata ?? {};
    const drawn = JSON.stringify([tags, properties]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const tagList = byTestId('peer-tags', this.element);
    drawTags(tagList, tags);
    tagList.hidden = tags.length === 0;
    const entries = Object.entries(properties);
    const list = byTestId('peer-properties', this.element);
    list.hidden = entries.length === 0;
    list.replaceChildren(...entries.slice(0, MAX_PROPERTIES).map(([key, value]) => property(key, value)));
    if (entries.length > MAX_PROPERTIES) list.append(property('and', `${entries.length - MAX_PROPERTIES} more`));
  }
}

/** @param {HTMLElement} list @param {string[]} tags */
export function drawTags(list, tags) {
  const shown = tags.slice(0, MAX_TAGS).map((tag) => cut(tag, MAX_TAG_LENGTH));
  if (tags.length > MAX_TAGS) shown.push(`and ${tags.length - MAX_TAGS} more`);
  list.replaceChildren(
    ...shown.map((tag) => {
      const item = document.createElement('li');
      item.textContent = tag;
      return item;
    }),
  );
}

/** @param {string} key @param {unknown} value */
function property(key, value) {
  const row = document.createElement('div');
  const [term, words] = [document.createElement('dt'), document.createElement('dd')];
  term.textContent = cut(key, MAX_TAG_LENGTH);
  const isList = Array.isArray(value) && value.every((one) => typeof one === 'string');
  words.textContent = isList ? cut(value.join(', '), MAX_VALUE_LENGTH) : oneLine(value, MAX_VALUE_LENGTH);
  row.append(term, words);
  return row;
}

/** @param {Peer | null} peer @param {string} state */
function presence(peer, state) {
  const note = NOTES[state] ?? '';
  if (peer === null) return `${note}, has left the room`;
  return peer.state === 'away' ? `away, ${note === 'here' ? 'may be back soon' : note}` : note;
}

/** @param {import('/sdk/index.js').Claim | undefined} claim @param {string[]} holders @param {string} ownPeerId */
function claimWords(claim, [holder], ownPeerId) {
  if (claim) return `yours until ${clock(new Date(claim.expiresAt * 1000))}`;
  if (holder === undefined) return '';
  return holder === ownPeerId ? 'claimed by you' : `claimed by ${cut(holder, MAX_TAG_LENGTH)}`;
}

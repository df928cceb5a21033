/** The conversation in view. */

import { Beam } from './beam.js';
import { byTestId, find, say } from './dom.js';

/** @typedef {import('./conversation.js').Conversation} Conversation */

/** @type {Record<string, (peerId: string) => string>} */
const STATES = {
  idle: () => 'Not connected',
  awaited: (peerId) => `Waiting for ${peerId} to arrive`,
  connecting: () => 'Connecting…',
  open: () => 'Connected',
  disconnected: () => 'Interrupted, waiting for it to come back',
  closed: () => 'Closed',
  failed: () => 'No connection',
};

export class ConversationPanel {
  #root = find('#conversation');
  #log = byTestId('chat-log', this.#root);
  #entries = find('.entries', this.#log);
  #beam = new Beam();
  /** @type {Conversation | null} */
  #shown = null;
  /** Ends the listeners of the conversation that was in view. */
  #leaving = new AbortController();

  /** @param {(peerId: string) => void} onReconnect */
  constructor(onReconnect) {
    byTestId('hang-up').addEventListener('click', () => this.#shown?.connection?.close());
    byTestId('reconnect').addEventListener('click', () => this.#shown && onReconnect(this.#shown.peerId));
  }

  get shown() {
    return this.#shown;
  }

  /** @param {Conversation | null} conversation */
  show(conversation) {
    if (conversation === this.#shown) return;
    this.#leaving.abort();
    this.#leaving = new AbortController();
    this.#shown = conversation;
    this.#entries.replaceChildren(...(conversation?.entries ?? []));
    this.#log.scrollTop = 0; // the log grows from below: 0 is its end
    if (conversation) this.#follow(conversation, this.#leaving.signal);
    this.refresh();
  }

  /** @param {Conversation} conversation @param {AbortSignal} signal */
  #follow(conversation, signal) {
    /** @param {string} type @param {(detail: any) => void} listener */
    const on = (type, listener) => {
      const plain = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
      conversation.addEventListener(type, plain, { signal });
    };
    on('change', () => this.refresh());
    on('entry', (element) => this.#append(element));
    on('flash', (direction) => this.#beam.flash(direction));
  }

  refresh() {
    const conversation = this.#shown;
    const state = conversation?.state ?? 'idle';
    const peerId = conversation?.peerId ?? '';
    if (conversation) conversation.unread = 0;
    this.#root.dataset.state = state;
    this.#root.toggleAttribute('data-talking', conversation !== null);
    this.#root.setAttribute('aria-label', conversation ? `Conversation with ${peerId}` : 'Conversation');
    say(byTestId('connection-peer'), peerId);
    const stateLine = byTestId('connection-state');
    stateLine.dataset.state = state;
    say(stateLine, conversation ? (STATES[state]?.(peerId) ?? state) : '');
    byTestId('hang-up').hidden = !conversation?.isLive;
    byTestId('reconnect').hidden = conversation === null || conversation.isLive || state === 'awaited';
    say(byTestId('reconnect'), state === 'idle' ? 'Connect' : 'Connect again');
  }

  /** @param {HTMLElement} element */
  #append(element) {
    this.#entries.append(element);
    if (element.dataset.direction === 'out') this.#log.scrollTop = 0;
  }
}

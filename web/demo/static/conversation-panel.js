/** The conversation in view. */

import { Beam } from './beam.js';
import { byTestId, find, say } from './dom.js';
import { duration } from './format.js';

/** @typedef {import('./conversation.js').Conversation} Conversation */

/** @type {Record<string, (peerId: string) => string>} */
const STATES = {
  idle: () => '',
  awaited: (peerId) => `Waiting for ${peerId} to arrive`,
  connecting: () => 'Connecting…',
  open: () => 'Connected',
  disconnected: () => 'Interrupted, waiting for it to come back',
  closed: () => 'Closed',
  failed: () => 'No connection',
};

/** @type {Record<string, string>} */
const ROUTES = {
  host: 'Direct, same network',
  prflx: 'Direct, through a NAT',
  srflx: 'Direct, through a NAT',
  relay: 'Relayed by a TURN server',
};

export class ConversationPanel {
  #root = find('#conversation');
  #log = byTestId('chat-log', this.#root);
  #entries = find('.entries', this.#log);
  #input = /** @type {HTMLTextAreaElement} */ (byTestId('chat-input', this.#root));
  #files = /** @type {HTMLInputElement} */ (byTestId('file-input', this.#root));
  #beam = new Beam();
  /** @type {Conversation | null} */
  #shown = null;
  /** Ends the listeners of the conversation that was in view. */
  #leaving = new AbortController();

  /**
   * @param {(peerId: string) => void} onReconnect
   * @param {(error: unknown) => void} onError
   */
  constructor(onReconnect, onError) {
    this.onError = onError;
    find('#composer').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#send();
    });
    this.#input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      void this.#send();
    });
    find('#choose-file').addEventListener('click', () => this.#files.click());
    this.#files.addEventListener('change', () => {
      this.#sendFiles(this.#files.files);
      this.#files.value = '';
    });
    byTestId('hang-up').addEventListener('click', () => this.#shown?.connection?.close());
    byTestId('reconnect').addEventListener('click', () => this.#shown && onReconnect(this.#shown.peerId));
    this.#takeDrops();
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
    this.#refresh();
  }

  /** Puts the cursor where the next message is written, unless that would open a keyboard over the page. */
  focus() {
    if (matchMedia('(pointer: fine)').matches && !this.#input.disabled) this.#input.focus();
  }

  /** @param {Conversation} conversation @param {AbortSignal} signal */
  #follow(conversation, signal) {
    /** @param {string} type @param {(detail: any) => void} listener */
    const on = (type, listener) => {
      const plain = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
      conversation.addEventListener(type, plain, { signal });
    };
    on('change', () => this.#refresh());
    on('entry', (element) => this.#append(element));
    on('flash', (direction) => this.#beam.flash(direction));
  }

  #refresh() {
    const conversation = this.#shown;
    const state = conversation?.state ?? 'idle';
    const peerId = conversation?.peerId ?? '';
    if (conversation) conversation.unread = 0;
    this.#root.dataset.state = state;
    say(byTestId('connection-peer'), peerId);
    const stateLine = byTestId('connection-state');
    stateLine.dataset.state = state;
    say(stateLine, STATES[state]?.(peerId) ?? state);
    this.#showRoute(state === 'open' ? (conversation?.route ?? null) : null);
    byTestId('hang-up').hidden = !conversation?.isLive;
    byTestId('reconnect').hidden = state !== 'closed' && state !== 'failed';
    for (const control of [this.#input, this.#files, find('#choose-file'), byTestId('chat-send')]) {
      /** @type {HTMLInputElement} */ (control).disabled = state !== 'open';
    }
  }

  /** @param {Conversation['route']} route */
  #showRoute(route) {
    const line = byTestId('pair-type');
    line.hidden = route === null;
    line.dataset.type = route?.type ?? '';
    if (route === null) return say(line, '');
    const trip = route.roundTripMs === null ? '' : ` · ping ${duration(route.roundTripMs)}`;
    return say(line, `${ROUTES[route.type] ?? 'Direct'} · ${route.type} · ${route.protocol}${trip}`);
  }

  /** @param {HTMLElement} element */
  #append(element) {
    this.#entries.append(element);
    if (element.dataset.direction === 'out') this.#log.scrollTop = 0;
  }

  async #send() {
    const text = this.#input.value.trim();
    if (text === '' || this.#shown?.state !== 'open') return;
    this.#input.value = '';
    try {
      await this.#shown.send(text);
    } catch (error) {
      this.onError(error);
    }
  }

  /** @param {Iterable<File> | null} files */
  #sendFiles(files) {
    if (this.#shown?.state === 'open') for (const file of files ?? []) void this.#shown.sendFile(file);
  }

  #takeDrops() {
    const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files') ?? false;
    // Beside the target, the browser would open the file in place of the page.
    addEventListener('dragover', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.#root.toggleAttribute('data-dropping', this.#shown?.state === 'open');
    });
    addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) this.#root.removeAttribute('data-dropping');
    });
    addEventListener('drop', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.#root.removeAttribute('data-dropping');
      this.#sendFiles(event.dataTransfer?.files ?? null);
    });
  }
}

/** The place in the room, in a few words at the top of the page. */

import { find, say } from './dom.js';

/** @type {Record<string, string>} */
const WORDS = {
  idle: '',
  connecting: 'Joining the room…',
  online: 'In the room',
  reconnecting: 'Server out of reach, trying again…',
  draining: 'The server is about to restart. Connections go on',
  closed: 'Out of the room',
};

export class ServerState {
  #root = find('#server-state');
  #state = 'idle';
  #isExpiring = false;

  constructor() {
    for (const type of ['online', 'offline']) addEventListener(type, () => this.#draw());
  }

  /** Whether the room soon lets nobody in any more. @param {boolean} isExpiring */
  set isExpiring(isExpiring) {
    this.#isExpiring = isExpiring;
    this.#draw();
  }

  /** @param {string} state */
  show(state) {
    this.#state = state;
    this.#draw();
  }

  #draw() {
    this.#root.dataset.state = this.#state === 'draining' ? 'online' : this.#state;
    say(this.#root, this.#words());
  }

  #words() {
    if (!navigator.onLine && this.#state === 'reconnecting') return 'This device is offline. It goes on by itself once it is back';
    if (this.#isExpiring && this.#state === 'online') return 'In the room. Soon nobody new gets in';
    return WORDS[this.#state] ?? '';
  }
}

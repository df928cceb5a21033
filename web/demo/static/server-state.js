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

  constructor() {
    for (const type of ['online', 'offline']) addEventListener(type, () => this.#draw());
  }

  /** @param {string} state */
  show(state) {
    this.#state = state;
    this.#draw();
  }

  #draw() {
    const isOffline = !navigator.onLine && this.#state === 'reconnecting';
    this.#root.dataset.state = this.#state === 'draining' ? 'online' : this.#state;
    say(this.#root, isOffline ? 'This device is offline. It goes on by itself once it is back' : (WORDS[this.#state] ?? ''));
  }
}

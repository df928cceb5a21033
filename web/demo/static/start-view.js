/** The first screen: create a room, or join one. */

import { find } from './dom.js';
import { parseRoomLink } from './room-link.js';

/** @typedef {import('./room-link.js').RoomTarget} RoomTarget */

export class StartView {
  #root = find('#start');
  #create = /** @type {HTMLButtonElement} */ (find('#create-room'));
  #room = /** @type {HTMLInputElement} */ (find('#join-room-id'));
  #token = /** @type {HTMLInputElement} */ (find('#join-token'));

  /**
   * @param {() => void} onCreate
   * @param {(target: RoomTarget) => void} onJoin
   */
  constructor(onCreate, onJoin) {
    this.#create.addEventListener('click', onCreate);
    this.#room.addEventListener('input', () => this.#takeApart());
    find('#join-form').addEventListener('submit', (event) => {
      event.preventDefault();
      onJoin({ room: this.#room.value.trim(), token: this.#token.value.trim(), connect: null });
    });
  }

  /** @param {RoomTarget | null} [target] to fill in */
  show(target = null) {
    if (target) [this.#room.value, this.#token.value] = [target.room, target.token];
    this.#root.hidden = false;
    document.title = 'Heliograph';
  }

  hide() {
    this.#root.hidden = true;
  }

  /** @param {boolean} busy */
  set busy(busy) {
    this.#create.disabled = busy;
    this.#create.textContent = busy ? 'One moment…' : 'Create a room';
  }

  /** A whole link in the first field fills both. */
  #takeApart() {
    const target = this.#room.value.includes('#') ? parseRoomLink(this.#room.value) : null;
    if (target) [this.#room.value, this.#token.value] = [target.room, target.token];
  }
}

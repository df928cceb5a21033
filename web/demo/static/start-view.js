/** The first screen: create a room, or join one. */

import { find, say } from './dom.js';
import { parseRoomLink } from './room-link.js';

/** @typedef {import('./room-link.js').RoomTarget} RoomTarget */

export class StartView {
  #root = find('#start');
  #create = /** @type {HTMLButtonElement} */ (find('#create-room'));
  #room = /** @type {HTMLInputElement} */ (find('#join-room-id'));
  #token = /** @type {HTMLInputElement} */ (find('#join-token'));
  #hint = find('#join-hint');

  /**
   * @param {{ onCreate: () => void, onJoin: (target: RoomTarget) => void, onInterest: () => void }} actions `onInterest`
   *   when somebody is about to do one or the other
   */
  constructor({ onCreate, onJoin, onInterest }) {
    this.#create.addEventListener('click', onCreate);
    for (const type of ['pointerover', 'focusin']) find('.doors').addEventListener(type, onInterest, { once: true });
    this.#room.addEventListener('input', () => this.#takeApart());
    find('#join-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const target = { room: this.#room.value.trim(), token: this.#token.value.trim(), connect: null };
      if (this.#accepts(target)) onJoin(target);
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
    this.#refuse(null, '');
  }

  /** @param {boolean} busy */
  set busy(busy) {
    this.#create.setAttribute('aria-busy', String(busy));
    this.#create.disabled = busy;
    this.#create.textContent = busy ? 'One moment…' : 'Create a room';
  }

  /** A whole link in the first field fills both. */
  #takeApart() {
    this.#refuse(null, '');
    const target = this.#room.value.includes('#') ? parseRoomLink(this.#room.value) : null;
    if (!target) return;
    [this.#room.value, this.#token.value] = [target.room, target.token];
    say(this.#hint, `A link to room ${target.room}. Press Join.`);
  }

  /** @param {RoomTarget} target */
  #accepts({ room, token }) {
    if (room === '') this.#refuse(this.#room, 'Paste the link that you were sent, or type the room’s id.');
    else if (/[/:]/.test(room)) this.#refuse(this.#room, 'That link does not lead into a room. Copy all of it, with what comes after the #.');
    else if (token === '') this.#refuse(this.#token, 'The token is missing. It came with the room’s id.');
    else return true;
    return false;
  }

  /** @param {HTMLInputElement | null} field @param {string} words */
  #refuse(field, words) {
    for (const input of [this.#room, this.#token]) input.setAttribute('aria-invalid', String(input === field));
    say(this.#hint, words);
    field?.focus();
  }
}

/** How others get in: the link, its QR code, the codes by themselves. */

import { copyFrom, find, say, byTestId } from './dom.js';
import { clock } from './format.js';
import { roomLink } from './room-link.js';

/** @typedef {import('./room-link.js').RoomTarget} RoomTarget */

export class Invite {
  #dialog = /** @type {HTMLDialogElement} */ (find('#invite'));
  /** @type {RoomTarget | null} */
  #target = null;
  /** The code is drawn once for each link. @type {Promise<string | null> | null} */
  #code = null;

  constructor() {
    for (const opener of ['#open-invite', '#empty-invite']) {
      find(opener).addEventListener('click', () => {
        this.#dialog.showModal();
        this.drawCode();
      });
    }
    find('[data-part="close"]', this.#dialog).addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('click', (event) => event.target === this.#dialog && this.#dialog.close());
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-copy]'))) {
      button.addEventListener('click', () => void this.#copy(button));
    }
  }

  /** @param {RoomTarget | null} target null when there is no room to invite to */
  show(target) {
    const { room, token } = target ?? { room: '', token: '' };
    if (this.#dialog.open && target === null) this.#dialog.close();
    if (this.#target?.room === target?.room && this.#target?.token === target?.token) return;
    this.#target = target;
    this.#code = null;
    for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-part="qr"]'))) {
      place.hidden = true;
      place.replaceChildren();
    }
    const link = /** @type {HTMLAnchorElement} */ (byTestId('room-link'));
    link.href = target ? roomLink(room, token) : '/';
    say(link, `${location.host}/#room=${room}…`);
    say(find('[data-part="room"]', this.#dialog), room);
    say(find('[data-part="token"]', this.#dialog), token);
  }

  /** @param {number | null} expiresAt Unix seconds */
  set expiresAt(expiresAt) {
    say(find('[data-part="until"]', this.#dialog), expiresAt === null ? '' : ` until ${clock(new Date(expiresAt * 1000))}`);
  }

  /** Draws the QR code wherever there is a place for it. */
  drawCode() {
    if (this.#target === null) return;
    const { room, token } = this.#target;
    this.#code ??= drawn(roomLink(room, token));
    const code = this.#code;
    void code.then((url) => {
      if (this.#code !== code) return;
      find('[data-part="qr-failed"]', this.#dialog).hidden = url !== null;
      if (url === null) this.#code = null;
      else this.#place(url, room);
    });
  }

  /** @param {string} url @param {string} room */
  #place(url, room) {
    for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-part="qr"]'))) {
      if (place.childElementCount > 0) continue;
      const image = document.createElement('img');
      image.src = url;
      image.alt = `QR code of the link to room ${room}`;
      place.replaceChildren(image);
      place.hidden = false;
    }
  }

  /** @param {HTMLElement} button */
  async #copy(button) {
    if (this.#target === null) return;
    const { room, token } = this.#target;
    /** @type {Record<string, string>} */
    const texts = { link: roomLink(room, token), room, token };
    await copyFrom(button, texts[button.dataset.copy ?? ''] ?? '', this.#dialog.open ? this.#dialog : document.body);
  }
}

/** The server draws it; the link goes there in the body of a POST, which nobody keeps. @param {string} text @returns {Promise<string | null>} */
async function drawn(text) {
  try {
    const response = await fetch('/qr', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ text }),
    });
    return response.ok ? URL.createObjectURL(await response.blob()) : null;
  } catch {
    return null; // the page says so; the link itself is there
  }
}

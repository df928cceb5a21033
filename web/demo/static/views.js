/** On a small screen, one part of the room at a time. */

import { find } from './dom.js';

/** @typedef {'people' | 'talk' | 'link'} View */

/** @type {Record<string, string>} */
const PARTS = { people: '#here', talk: '#conversation', link: '#link' };

export class Views {
  #root = find('#room');
  #buttons = /** @type {HTMLElement[]} */ ([...find('.views').querySelectorAll('button')]);

  constructor() {
    for (const button of this.#buttons) {
      button.addEventListener('click', () => {
        this.show(/** @type {View} */ (button.dataset.view));
        find(PARTS[button.dataset.view ?? ''] ?? '#room').scrollIntoView({ block: 'nearest' });
      });
    }
    this.show('people');
  }

  /** @param {View} view */
  show(view) {
    this.#root.dataset.view = view;
    for (const button of this.#buttons) {
      if (button.dataset.view === view) button.setAttribute('aria-current', 'page');
      else button.removeAttribute('aria-current');
    }
  }

  /** @param {View} view @param {boolean} hasNews */
  mark(view, hasNews) {
    find(`[data-part="${view}-dot"]`, this.#root).hidden = !hasNews;
  }
}

/** The one place where failures are told. */

import { find, say } from './dom.js';
import { sentenceFor } from './sentences.js';

export class Banner {
  #root = find('#banner');
  /** @type {(() => void) | null} */
  #action = null;

  constructor() {
    this.#part('dismiss').addEventListener('click', () => this.hide());
    this.#part('action').addEventListener('click', () => {
      const action = this.#action;
      this.hide();
      action?.();
    });
  }

  /**
   * @param {unknown} error
   * @param {{ label: string, run: () => void }} [action] what could be done about it here
   */
  show(error, action) {
    const { title, advice, detail } = sentenceFor(error);
    say(this.#part('title'), title);
    say(this.#part('advice'), advice);
    say(this.#part('detail'), detail ?? '');
    this.#part('more').hidden = detail === null;
    this.#part('more').removeAttribute('open');
    this.#action = action?.run ?? null;
    say(this.#part('action'), action?.label ?? '');
    this.#part('action').hidden = !action;
    this.#root.hidden = false;
  }

  hide() {
    this.#root.hidden = true;
    this.#action = null;
  }

  /** @param {string} name */
  #part(name) {
    return find(`[data-part="${name}"]`, this.#root);
  }
}

/** The light between the two mirrors: dark, searching, steady, and a flash for everything that is said. */

import { find } from './dom.js';

const FLASH_MS = 650;
/** A file is a stream of flashes, not a stroboscope. */
const FLASH_GAP_MS = 220;

export class Beam {
  #flash = find('#beam .beam-flash');
  #stillMotion = matchMedia('(prefers-reduced-motion: reduce)');
  #last = 0;

  /** @param {'out' | 'in'} direction */
  flash(direction) {
    const now = performance.now();
    if (this.#stillMotion.matches || now - this.#last < FLASH_GAP_MS) return;
    this.#last = now;
    const [from, to] = direction === 'out' ? ['0%', '100%'] : ['100%', '0%'];
    this.#flash.animate(
      [
        { left: from, opacity: 0 },
        { opacity: 1, offset: 0.2 },
        { opacity: 1, offset: 0.8 },
        { left: to, opacity: 0 },
      ],
      { duration: FLASH_MS, easing: 'cubic-bezier(.45,.05,.4,1)' },
    );
  }
}

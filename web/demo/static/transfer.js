/** One file on its way, as an entry of a conversation. */

import { byTestId, find, fromTemplate, say } from './dom.js';
import { bytes, duration, rate } from './format.js';
import { fileEnding } from './sentences.js';

/** How often the figures change. */
const REFRESH_MS = 120;

export class Transfer {
  element = fromTemplate('file-item');
  #abort = new AbortController();
  #progress = /** @type {HTMLProgressElement} */ (byTestId('file-progress', this.element));
  #status = byTestId('file-status', this.element);
  #cancel = /** @type {HTMLButtonElement} */ (byTestId('file-cancel', this.element));
  #startedAt = performance.now();
  #shownAt = 0;

  /** @param {'out' | 'in'} direction @param {string} name @param {number} size */
  constructor(direction, name, size) {
    this.direction = direction;
    this.size = size;
    this.element.dataset.direction = direction;
    this.element.dataset.state = 'moving';
    say(byTestId('file-name', this.element), name);
    this.#progress.setAttribute('aria-label', `${direction === 'out' ? 'Sending' : 'Receiving'} ${name}`);
    this.#cancel.addEventListener('click', () => this.#abort.abort());
    this.#show(0);
  }

  /** Aborts when the person presses Cancel. */
  get signal() {
    return this.#abort.signal;
  }

  /** @param {number} done bytes */
  progress = (done) => {
    const now = performance.now();
    if (now - this.#shownAt < REFRESH_MS) return;
    this.#shownAt = now;
    this.#show(done);
  };

  /** @param {string} sha256 @param {Blob} [content] of a received file */
  finish(sha256, content) {
    const took = performance.now() - this.#startedAt;
    this.#end('done', 1);
    const word = this.direction === 'out' ? 'Sent' : 'Received';
    say(
      this.#status,
      `${word} · ${bytes(this.size)} in ${duration(took)} · ${rate(this.size, took)} · checksum matches`,
    );
    say(byTestId('file-sha256', this.element), sha256);
    find('.file-sum', this.element).hidden = false;
    if (content) this.#offer(content);
  }

  /** @param {unknown} error */
  fail(error) {
    this.#end(this.#abort.signal.aborted ? 'cancelled' : 'failed', this.#progress.value);
    say(this.#status, fileEnding(error));
  }

  /** @param {number} done bytes */
  #show(done) {
    const elapsed = performance.now() - this.#startedAt;
    this.#progress.value = this.size === 0 ? 0 : done / this.size;
    const speed = done > 0 ? ` · ${rate(done, elapsed)}` : '';
    const remaining = done > 0 && elapsed > 1000 ? ` · ${duration((elapsed * (this.size - done)) / done)} left` : '';
    say(this.#status, `${bytes(done)} of ${bytes(this.size)}${speed}${remaining}`);
  }

  /** @param {'done' | 'failed' | 'cancelled'} state @param {number} value */
  #end(state, value) {
    this.element.dataset.state = state;
    this.#progress.value = value;
    this.#cancel.hidden = true;
  }

  /** @param {Blob} content */
  #offer(content) {
    const link = /** @type {HTMLAnchorElement} */ (byTestId('file-download', this.element));
    // Under its own type a page could be opened instead of saved, with the rights of this one.
    link.href = URL.createObjectURL(new Blob([content], { type: 'application/octet-stream' }));
    link.download = byTestId('file-name', this.element).textContent ?? 'file';
    link.hidden = false;
  }
}

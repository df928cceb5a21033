/** One file on its way, as an entry of a conversation. It may take several attempts until it is through. */

import { announce } from './announcer.js';
import { byTestId, find, fromTemplate, say } from './dom.js';
import { bytes, duration, rate } from './format.js';
import { fileEnding } from './sentences.js';

/** How often the figures change. */
const REFRESH_MS = 120;
/** The rate is that of the last so many milliseconds. */
const RATE_WINDOW_MS = 2000;

/** @typedef {'moving' | 'paused' | 'interrupted' | 'done' | 'failed' | 'cancelled' | 'removed'} TransferState */
/** @typedef {import('/sdk/incoming-file.js').ReceivedFile} ReceivedFile */

export class Transfer {
  element = fromTemplate('file-item');
  /** @type {TransferState} */
  state = 'moving';
  /** Gives room back, for a file of the other side's. */
  release = () => {};
  #abort = new AbortController();
  /** What was received, as long as it is here. @type {ReceivedFile | null} */
  #received = null;
  #progress = /** @type {HTMLProgressElement} */ (byTestId('file-progress', this.element));
  #status = byTestId('file-status', this.element);
  #pause = /** @type {HTMLButtonElement} */ (byTestId('file-pause', this.element));
  #cancel = /** @type {HTMLButtonElement} */ (byTestId('file-cancel', this.element));
  #link = /** @type {HTMLAnchorElement} */ (byTestId('file-download', this.element));
  #remove = byTestId('file-remove', this.element);
  #done = 0;
  /** Milliseconds of the attempts before this one. */
  #elapsedBefore = 0;
  #attemptAt = performance.now();
  #shownAt = 0;
  /** @type {{ at: number, done: number }[]} */
  #samples = [];

  /**
   * @param {'out' | 'in'} direction @param {string} name @param {number} size
   * @param {() => void} [onResume] tries again; without it the other side has to
   */
  constructor(direction, name, size, onResume) {
    this.direction = direction;
    this.name = name;
    this.size = size;
    this.onResume = onResume;
    this.element.dataset.direction = direction;
    say(byTestId('file-name', this.element), name);
    this.element.setAttribute('aria-label', `${direction === 'out' ? 'Sending' : 'Receiving'} ${name}`);
    this.#progress.setAttribute('aria-label', `Progress of ${name}`);
    this.#cancel.addEventListener('click', () => this.#cancelled());
    this.#pause.addEventListener('click', () => this.#paused());
    this.#remove.addEventListener('click', () => this.discard());
    this.#remove.setAttribute('aria-label', `Remove ${name}`);
    this.#enter('moving');
    this.#show();
  }

  /** Aborts the attempt when the person presses Pause or Cancel. */
  get signal() {
    return this.#abort.signal;
  }

  /** Whether it waits for another attempt by itself. */
  get isInterrupted() {
    return this.state === 'interrupted';
  }

  /** Whether it may go from the page without anybody missing it. */
  get isIdle() {
    return this.state !== 'moving' && this.state !== 'paused';
  }

  /** Another attempt begins. */
  begin() {
    this.#abort = new AbortController();
    this.#attemptAt = performance.now();
    this.#samples = [];
    this.#enter('moving');
    this.#show();
  }

  /** @param {number} done bytes */
  progress = (done) => {
    const now = performance.now();
    this.#done = done;
    this.#samples.push({ at: now, done });
    while (this.#samples.length > 2 && now - (this.#samples[0]?.at ?? now) > RATE_WINDOW_MS) this.#samples.shift();
    if (now - this.#shownAt < REFRESH_MS) return;
    this.#shownAt = now;
    this.#show();
  };

  /** @param {string} sha256 @param {ReceivedFile} [received] */
  finish(sha256, received) {
    const took = this.#elapsedBefore + performance.now() - this.#attemptAt;
    this.#done = this.size;
    this.#enter('done');
    const word = this.direction === 'out' ? 'Sent' : 'Received';
    const figures = `${bytes(this.size)} in ${duration(took)} · ${rate(this.size, took)}`;
    say(this.#status, `${word} · ${figures} · checksum matches`);
    say(byTestId('file-sha256', this.element), sha256);
    find('.file-sum', this.element).hidden = false;
    announce(`${word}: ${this.name}`);
    if (received) this.#offer(received);
  }

  /** Frees what was received; nothing is left to save. */
  discard() {
    this.release();
    if (this.#received === null) return;
    URL.revokeObjectURL(this.#link.href);
    this.#link.removeAttribute('href');
    void this.#received.discard().catch(() => {}); // what is left of it goes when the page has gone
    this.#received = null;
    this.#link.hidden = this.#remove.hidden = true;
    this.#enter('removed');
    say(this.#status, 'Removed');
  }

  /** This attempt is over. @param {unknown} error */
  fail(error) {
    this.#elapsedBefore += performance.now() - this.#attemptAt;
    if (this.state === 'paused' || this.state === 'cancelled') return; // it was stopped here
    const { words, canResume } = fileEnding(error);
    const waits = canResume && (this.direction === 'in' || this.onResume !== undefined);
    this.#enter(waits ? 'interrupted' : 'failed');
    const share = this.#done > 0 && waits ? ` · ${this.#percent()} has arrived and is kept` : '';
    say(this.#status, `${words}${share}`);
    announce(`${this.name}: ${words}`);
  }

  #paused() {
    if (this.state !== 'moving') {
      this.onResume?.();
      return;
    }
    this.#enter('paused');
    say(this.#status, `Paused at ${this.#percent()} of ${bytes(this.size)}`);
    this.#abort.abort();
  }

  #cancelled() {
    this.#enter('cancelled');
    say(this.#status, 'Cancelled');
    this.#abort.abort();
  }

  #percent() {
    return `${Math.floor(this.size === 0 ? 0 : (100 * this.#done) / this.size)} %`;
  }

  #show() {
    this.#progress.value = this.size === 0 ? 0 : this.#done / this.size;
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const perMs = first && last && last.at > first.at ? (last.done - first.done) / (last.at - first.at) : 0;
    const speed = perMs > 0 ? ` · ${rate(perMs * 1000, 1000)} · ${duration((this.size - this.#done) / perMs)} left` : '';
    say(this.#status, `${bytes(this.#done)} of ${bytes(this.size)}${speed}`);
  }

  /** @param {TransferState} state */
  #enter(state) {
    this.state = state;
    this.element.dataset.state = state;
    this.#progress.value = this.size === 0 ? (state === 'done' ? 1 : 0) : this.#done / this.size;
    const waits = state === 'paused' || state === 'interrupted';
    this.#cancel.hidden = state !== 'moving' && !waits;
    this.#cancel.setAttribute('aria-label', `Cancel ${this.name}`);
    this.#pause.hidden = this.onResume === undefined || !(state === 'moving' || waits);
    say(this.#pause, waits ? 'Resume' : 'Pause');
    this.#pause.setAttribute('aria-label', `${waits ? 'Resume' : 'Pause'} ${this.name}`);
  }

  /** @param {ReceivedFile} received */
  #offer(received) {
    const link = this.#link;
    this.#received = received;
    // Under its own type a page could be opened instead of saved, with the rights of this one.
    link.href = URL.createObjectURL(new Blob([received.blob], { type: 'application/octet-stream' }));
    link.download = this.name;
    link.setAttribute('aria-label', `Save ${this.name}`);
    link.hidden = this.#remove.hidden = false;
  }
}

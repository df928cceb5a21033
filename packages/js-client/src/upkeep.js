/**
 * What keeps a connection going: it is watched, and a path that broke is looked for anew until one works or the time is over,
 * by ICE restart between browsers, by dialling again with peers of the Python SDK (see `heliograph_protocol.liveness`).
 * Loaded while the first connection is being made.
 */

import { describe } from './describe.js';
import { openLiveness, Vigil } from './vigil.js';

export { selectedRoute } from './route.js';

/** How often a path is looked for anew by ICE restart. */
export const RESTART_EVERY_MS = 5000;
/** How long one attempt to dial again may take: the next one has newer candidates. */
export const REDIAL_EVERY_MS = 8000;
/** How long a broken path may take to heal. */
export const HEAL_DEADLINE_MS = 30_000;
/** How much too early a browser's timers may be. */
const EARLY_MS = 10;
/** How long the other side may take to open again the channels that it had opened. */
export const REOPEN_MS = 15_000;

/**
 * What it does to its connection.
 * @typedef {object} Path
 * @property {() => RTCPeerConnection} pc the present one
 * @property {() => void} changed the path may work again, or not
 * @property {() => void} left the other side has ended it
 * @property {() => boolean} restart by ICE, if the other side can do that
 * @property {() => boolean} redial if that is this side's part
 * @property {() => void} stands there is another path
 * @property {() => void} reopened by now the other side has opened again what it will
 * @property {() => void} fail there is none
 */

export class Upkeep {
  #path;
  /** @type {Vigil | null} */
  #vigil = null;
  #timer = 0;
  #reopening = 0;
  describe = describe;

  /** @param {Path} path */
  constructor(path) {
    this.#path = path;
  }

  /** Whether nothing comes any more over a path that looks well. */
  get isSilent() {
    return this.#vigil?.isSilent ?? false;
  }

  /** @param {RTCDataChannel} [liveness] */
  watch(liveness) {
    const pc = this.#path.pc();
    this.#vigil?.stop();
    this.#vigil = new Vigil(pc, () => this.#path.changed(), liveness);
    // A side that closes the connection ends the association of all channels, which needs no server.
    const look = () => pc === this.#path.pc() && pc.sctp?.state === 'closed' && this.#path.left();
    pc.sctp?.addEventListener('statechange', look);
    look();
  }

  /** The path broke. @param {number} [deadlineMs] */
  heal(deadlineMs = HEAL_DEADLINE_MS) {
    clearInterval(this.#timer);
    const until = performance.now() + deadlineMs - EARLY_MS;
    const everyMs = this.#attempt() ? RESTART_EVERY_MS : REDIAL_EVERY_MS;
    const step = () => (performance.now() >= until ? this.#path.fail() : void this.#attempt());
    this.#timer = setInterval(step, Math.min(everyMs, deadlineMs));
  }

  /** The path works again. */
  healed() {
    clearInterval(this.#timer);
  }

  /** Waits for the path that is being made in the place of the lost one. */
  await() {
    const pc = this.#path.pc();
    const liveness = openLiveness(pc);
    liveness.addEventListener('open', () => {
      if (pc !== this.#path.pc()) return;
      this.healed();
      this.watch(liveness);
      this.#path.stands();
      this.#reopening = setTimeout(() => pc === this.#path.pc() && this.#path.reopened(), REOPEN_MS);
    });
  }

  stop() {
    clearInterval(this.#timer);
    clearTimeout(this.#reopening);
    this.#vigil?.stop();
  }

  /** @returns {boolean} whether it was an ICE restart */
  #attempt() {
    return this.#path.restart() || (this.#path.redial(), false);
  }
}

/** What is done about a path that broke: try and try again, until it works or the time is over. */

/** How often a path is looked for anew. */
export const RESTART_EVERY_MS = 5000;
/** How long a broken path may take to heal. */
export const HEAL_DEADLINE_MS = 30_000;

export class Healing {
  #attempt;
  #giveUp;
  #timer = 0;

  /** @param {() => void} attempt @param {() => void} giveUp */
  constructor(attempt, giveUp) {
    this.#attempt = attempt;
    this.#giveUp = giveUp;
  }

  /** @param {number} [deadlineMs] */
  start(deadlineMs = HEAL_DEADLINE_MS) {
    this.stop();
    const until = performance.now() + deadlineMs;
    const step = () => (performance.now() >= until ? this.#giveUp() : this.#attempt());
    this.#timer = setInterval(step, Math.min(RESTART_EVERY_MS, deadlineMs));
    this.#attempt();
  }

  stop() {
    clearInterval(this.#timer);
  }
}

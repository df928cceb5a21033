/** How fast to send: no faster than the server takes messages from one connection. */

/** A token bucket: `perS` messages a second and as many at once after a pause; 0 for no limit. */
export class Pace {
  #perS;
  #now;
  #tokens;
  #countedAt;

  /** @param {number} perS @param {() => number} now milliseconds that only grow */
  constructor(perS, now) {
    this.#perS = perS;
    this.#now = now;
    this.#tokens = perS;
    this.#countedAt = now();
  }

  /** Whether one message may go now; then it counts. */
  take() {
    if (this.#perS <= 0) return true;
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Milliseconds until `take` may succeed. */
  delayMs() {
    if (this.#perS <= 0) return 0;
    this.#fill();
    return Math.max(0, ((1 - this.#tokens) * 1000) / this.#perS);
  }

  #fill() {
    const now = this.#now();
    this.#tokens = Math.min(this.#perS, this.#tokens + ((now - this.#countedAt) * this.#perS) / 1000);
    this.#countedAt = now;
  }
}

/** An id token that does not end while its session stays. */

import { Credentials } from './credentials.js';
import { RequestRefused } from './errors.js';

/** A session that stays for less does not renew, however old its token is, but near the end of it. */
export const SOONEST_MS = 30_000;
export const RETRY_MS = 30_000;
export const LONGEST_RETRY_MS = 600_000;
/** Between one attempt and the next, whatever a token says of its life. */
export const SHORTEST_MS = 100;
/** How often to look at the clock: timers do not count what a device sleeps, nor to more than 2^31 ms. */
export const LOOK_MS = 600_000;
/** After these answers there is no use in asking again: that token is not the server's to renew. */
const LASTING = [401, 403, 404, 405];

/**
 * @typedef {object} Clock
 * @property {() => number} now Unix milliseconds
 * @property {(step: () => void, ms: number) => number} setTimeout
 * @property {(timer: number) => void} clearTimeout
 */
/** @type {Clock} */
const REAL = {
  now: () => Date.now(),
  setTimeout: (step, ms) => setTimeout(step, ms),
  clearTimeout: (timer) => clearTimeout(timer),
};

/** Gives an identity another token when half of the life of the present one is over. */
export class FreshIdToken {
  #identity;
  #clock;
  #over = new AbortController();
  #timer = 0;
  #isAsking = false;
  /** The one that `#dueAt` is about. @type {string | null} */
  #token = null;
  #dueAt = Infinity;
  #failures = 0;

  /** @param {import('./identity.js').Identity} identity @param {Clock} [clock] which may be wrong if the server makes the tokens */
  constructor(identity, clock = REAL) {
    this.#identity = identity;
    this.#clock = clock;
  }

  /** Asks if it is time, and sees to it that it is looked at again; to be called whenever there may be another token. */
  look() {
    this.#clock.clearTimeout(this.#timer);
    if (this.#isAsking || this.#over.signal.aborted) return;
    const { token } = this.#identity;
    if (token !== this.#token) {
      this.#token = token;
      this.#failures = 0;
      this.#dueAt = this.#clock.now() + renewalDueMs(token, this.#now());
    }
    const ms = this.#dueAt - this.#clock.now();
    if (ms <= 0) void this.#ask();
    else if (ms < Infinity) this.#timer = this.#clock.setTimeout(() => this.look(), Math.min(ms, LOOK_MS));
  }

  stop() {
    this.#over.abort();
    this.#clock.clearTimeout(this.#timer);
  }

  async #ask() {
    this.#isAsking = true;
    const { token } = this.#identity;
    try {
      await this.#renew();
      if (token === this.#identity.token) this.#dueAt = this.#retryAt(0); // a source that has no other one
    } catch (error) {
      // Whatever a source throws may pass, and so may an outage.
      const { status = 0, retryAfterS = 0 } = error instanceof RequestRefused ? error : {};
      this.#dueAt = LASTING.includes(status) ? Infinity : this.#retryAt(Number(retryAfterS) * 1000);
    }
    this.#isAsking = false;
    this.look();
  }

  async #renew() {
    const { url, given, token } = this.#identity;
    if (typeof given === 'function') return void (await this.#identity.get(true));
    const { signal } = this.#over;
    const { idToken } = await new Credentials(url, { idToken: token ?? '' }).renew({ signal });
    // Meanwhile the server may have refused the old one, and there is another user.
    if (token === this.#identity.token && !signal.aborted) this.#identity.take(idToken, this.#clock.now());
    return undefined;
  }

  /** When to ask again. @param {number} atLeastMs */
  #retryAt(atLeastMs) {
    const pauseMs = Math.min(RETRY_MS * 2 ** this.#failures, LONGEST_RETRY_MS);
    this.#failures += 1;
    const leftMs = leftOf(lifeOf(this.#identity.token), this.#now());
    const soonEnoughMs = leftMs > 0 ? Math.max(SHORTEST_MS, leftMs / 4) : Infinity; // for the end of the token
    return this.#clock.now() + Math.max(atLeastMs, Math.min(pauseMs, soonEnoughMs));
  }

  /** The server's time, as far as it is known. */
  #now() {
    const { token, madeAt } = this.#identity;
    const life = lifeOf(token);
    return this.#clock.now() + (life && madeAt !== undefined ? life.fromMs - madeAt : 0);
  }
}

/**
 * Half of a token's life, but never at once: most sessions are gone again soon.
 * @param {string | null} token
 * @param {number} now in Unix milliseconds
 * @returns {number} milliseconds until it should be renewed; Infinity if it does not say when it ends
 */
export function renewalDueMs(token, now) {
  const life = lifeOf(token);
  if (life === null) return Infinity;
  const leftMs = leftOf(life, now);
  return Math.max(leftMs - (life.toMs - life.fromMs) / 2, Math.min(SOONEST_MS, leftMs / 10), SHORTEST_MS);
}

/** @typedef {{ fromMs: number, toMs: number }} Life in Unix milliseconds */

/** @param {Life | null} life @param {number} now */
function leftOf(life, now) {
  return life === null ? 0 : Math.max(0, life.toMs - Math.max(now, life.fromMs));
}

/** By its claims (RFC 7519 section 4.1). Nothing is verified here: that is the server's part.
 * @param {string | null} token @returns {Life | null} */
function lifeOf(token) {
  try {
    const [, payload = '', signature] = (token ?? '').split('.');
    const { iat, exp } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
    const isKnown = Number.isFinite(iat) && Number.isFinite(exp) && signature !== undefined;
    return isKnown ? { fromMs: iat * 1000, toMs: exp * 1000 } : null;
  } catch {
    return null; // it is no JWT
  }
}

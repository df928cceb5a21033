/** Who a session is to the server. */

import { signIn } from './http.js';

/**
 * Gives an id token, always of the same user: for each registration, and with `fresh` when the server refused the last one or
 * half of its life is over.
 * @typedef {(need: { fresh: boolean }) => string | Promise<string>} IdTokenSource
 */

export class Identity {
  /** The present one. @type {string | null} null until the first one is there */
  token;
  /** When the server made it, by this device's clock in Unix milliseconds, if that is known. @type {number | undefined} */
  madeAt;
  #changed;

  /**
   * @param {string} url of the server
   * @param {string | IdTokenSource | null | undefined} given without it, it signs in anonymously
   * @param {string | null | undefined} earlier the token of the page before
   * @param {(idToken: string) => void} changed it has another token than before
   */
  constructor(url, given, earlier, changed) {
    this.url = url;
    this.given = given;
    this.token = (typeof given === 'string' ? given : earlier) ?? null;
    this.#changed = changed;
  }

  /** The token that counts now. @param {boolean} [fresh] instead of the present one @returns {Promise<string>} */
  async get(fresh = false) {
    const { given } = this;
    if (typeof given === 'function') this.take(await given({ fresh }));
    else if (this.token === null || (fresh && !given)) this.take((await signIn(this.url)).idToken, Date.now());
    return /** @type {string} */ (this.token);
  }

  /** @param {string} token @param {number} [madeAt] */
  take(token, madeAt) {
    if (token === this.token) return;
    this.token = token;
    this.madeAt = madeAt;
    this.#changed(token);
  }
}

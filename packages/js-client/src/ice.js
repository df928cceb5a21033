/** TURN credentials that do not run out while a peer stays. */

import { RequestRefused } from './errors.js';

/** Where a user name does not say until when it is good. Servers give an hour by default. */
export const REFRESH_AFTER_MS = 1_500_000;
const RETRY_MS = 30_000;
const SOONEST_MS = 1000;
/** The longest delay of a timer. */
const LATEST_MS = 0x7fff_ffff;

/** Asks the server for new credentials when half of the time of the old ones is over. */
export class FreshIceServers {
  #holder;
  #api;
  #timer = 0;
  #turn = 0;

  /** @param {{ iceServers: RTCIceServer[] }} holder @param {() => Promise<import('./credentials.js').Credentials>} api */
  constructor(holder, api) {
    this.#holder = holder;
    this.#api = api;
  }

  start() {
    this.stop();
    this.#after(refreshAfterMs(this.#holder.iceServers, Date.now()));
  }

  stop() {
    this.#turn += 1;
    clearTimeout(this.#timer);
  }

  /** @param {number} ms Infinity for never */
  #after(ms) {
    if (ms < Infinity) this.#timer = setTimeout(() => void this.#renew(), Math.min(ms, LATEST_MS));
  }

  async #renew() {
    const turn = this.#turn;
    const next = await this.#ask();
    if (turn === this.#turn) this.#after(next);
  }

  /** @returns {Promise<number>} milliseconds until the next time; registering again begins anew */
  async #ask() {
    try {
      const { iceServers, ttlS } = await (await this.#api()).iceServers();
      this.#holder.iceServers = iceServers;
      return userNames(iceServers).length > 0 ? Math.max(SOONEST_MS, ttlS * 500) : Infinity;
    } catch (error) {
      return error instanceof RequestRefused && error.status === 401 ? Infinity : RETRY_MS;
    }
  }
}

/**
 * A time-limited user name starts with the Unix second at which it ends (the REST API for access to TURN services,
 * draft-uberti-behave-turn-rest).
 * @param {RTCIceServer[]} servers
 * @param {number} now in Unix milliseconds
 * @returns {number} milliseconds until the first of the credentials has half of its time behind it; Infinity without any
 */
export function refreshAfterMs(servers, now) {
  const names = userNames(servers);
  const ends = names.flatMap((name) => /^\d{1,12}(?=:|$)/.exec(name) ?? []);
  if (ends.length === 0) return names.length === 0 ? Infinity : REFRESH_AFTER_MS;
  return Math.min(...ends.map((end) => Math.max(SOONEST_MS, (Number(end) * 1000 - now) / 2)));
}

/** @param {RTCIceServer[]} servers */
function userNames(servers) {
  return servers.flatMap(({ username }) => username ?? []);
}

/** Who this tab is: a peer id, and the anonymous sign-in that it belongs to. A reload takes both over. */

import { Credentials } from '/sdk/credentials.js';
import { RequestRefused } from '/sdk/errors.js';
import { signIn } from '/sdk/http.js';

const STORE = 'heliograph:identity';
/** Where a page that is about to end leaves its id to the next one in this tab. */
const LEFT = 'heliograph:left';
/** How long to wait for the page that is being replaced to let go of its id: on a busy device that takes its time. */
const HANDOVER_MS = 10_000;
/** How long an id may be held before it counts as that of a page that lives on. */
const COPY_MS = 300;

/** @typedef {{ peerId: string, idToken: string | null }} Stored */

export class Identity {
  #idToken;
  /** The next one, while it is awaited. @type {Promise<string> | null} */
  #next = null;

  /** @param {Stored} stored */
  constructor({ peerId, idToken }) {
    this.peerId = peerId;
    this.#idToken = idToken;
    void this.idToken({ fresh: false }).catch(() => {}); // on its way early; whoever needs it sees the failure
    addEventListener('pagehide', () => sessionStorage.setItem(LEFT, this.peerId));
  }

  /** @returns {Promise<Identity>} */
  static async ofThisTab() {
    const stored = read();
    const left = sessionStorage.getItem(LEFT);
    sessionStorage.removeItem(LEFT);
    // A duplicated tab has a copy of the store; the original has not left, and keeps the id.
    if (stored && (await claim(stored.peerId, stored.peerId === left ? HANDOVER_MS : COPY_MS))) return new Identity(stored);
    const peerId = newPeerId();
    void claim(peerId, COPY_MS);
    return new Identity({ peerId, idToken: null });
  }

  /** A fresh one is of the same user, as long as the server takes the last one. @param {{ fresh: boolean }} need @returns {Promise<string>} */
  idToken = async ({ fresh }) => {
    if (this.#idToken !== null && !fresh) return this.#idToken;
    this.#next ??= this.#another().finally(() => (this.#next = null));
    return this.#next;
  };

  async #another() {
    this.#idToken = (this.#idToken && (await renewed(this.#idToken))) ?? (await signedIn());
    this.#store(this.#idToken);
    return this.#idToken;
  }

  /** @param {string} idToken */
  #store(idToken) {
    sessionStorage.setItem(STORE, JSON.stringify({ peerId: this.peerId, idToken }));
  }

  /**
   * Calls with the id token; once more with a fresh one if the server no longer takes the old one.
   * @template T
   * @param {(idToken: string) => Promise<T>} call
   * @returns {Promise<T>}
   */
  async withToken(call) {
    try {
      return await call(await this.idToken({ fresh: false }));
    } catch (error) {
      if (!(error instanceof RequestRefused) || error.status !== 401) throw error;
      return call(await this.idToken({ fresh: true }));
    }
  }

  /** Takes another peer id: somebody else has this one. */
  async rename() {
    this.peerId = newPeerId();
    void claim(this.peerId, COPY_MS);
    this.#store(await this.idToken({ fresh: false }));
  }
}

async function signedIn() {
  const start = performance.now();
  const { idToken } = await signIn(location.origin);
  performance.measure('heliograph:sign-in', { start, end: performance.now() });
  return idToken;
}

/** @param {string} last @returns {Promise<string | null>} null if the server does not take the last one */
async function renewed(last) {
  try {
    return (await new Credentials(location.origin, { idToken: last }).renew()).idToken;
  } catch (error) {
    if (error instanceof RequestRefused && error.status === 401) return null;
    throw error;
  }
}

function newPeerId() {
  const [number = 0] = crypto.getRandomValues(new Uint16Array(1));
  return `Browser-${number.toString(16).padStart(4, '0')}`;
}

/** @returns {Stored | null} */
function read() {
  try {
    const stored = JSON.parse(sessionStorage.getItem(STORE) ?? 'null');
    return typeof stored?.peerId === 'string' && typeof stored.idToken === 'string' ? stored : null;
  } catch {
    return null;
  }
}

/**
 * Holds the id for as long as this page lives.
 * @param {string} peerId
 * @param {number} patience in milliseconds
 * @returns {Promise<boolean>} whether nobody else holds it any more
 */
function claim(peerId, patience) {
  if (!navigator.locks) return Promise.resolve(true); // not a secure context: no way to know
  return new Promise((resolve) => {
    const hold = () => {
      resolve(true);
      return new Promise(() => {});
    };
    const signal = AbortSignal.timeout(patience);
    navigator.locks.request(`heliograph:${peerId}`, { signal }, hold).catch(() => resolve(false));
  });
}

/** Parts of the SDK that are loaded when they are first needed. */

import { HeliographError } from './errors.js';

export const files = late(() => import('./files.js'));
export const rpc = late(() => import('./rpc.js'));
export const splitting = late(() => import('./splitting.js'));
export const staying = late(() => import('./staying.js'));
export const upkeep = late(() => import('./upkeep.js'));

/**
 * A part, loaded once. One that could not be loaded is asked for again the next time.
 * @template T
 * @param {() => Promise<T>} load
 * @returns {() => Promise<T>} throws a `HeliographError` with the code `NOT_LOADED`
 */
function late(load) {
  /** @type {Promise<T> | null} */
  let part = null;
  return () =>
    (part ??= load().catch((cause) => {
      part = null;
      throw new HeliographError('NOT_LOADED', 'A part of the SDK could not be loaded', { cause });
    }));
}

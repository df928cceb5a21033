/** Waiting with a bound. Every wait in this package ends: by its result, a deadline, or the caller's AbortSignal. */

/**
 * A promise with its two ends.
 * @template T
 * @returns {{ promise: Promise<T>, resolve: (value: T) => void, reject: (error: unknown) => void }}
 */
export function deferred() {
  /** @type {(value: T) => void} */
  let resolve = () => {};
  /** @type {(error: unknown) => void} */
  let reject = () => {};
  /** @type {Promise<T>} */
  const promise = new Promise((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/**
 * `promise`, or the error of `late()` after `ms`, or the reason of `signal`, whichever is first.
 * @template T
 * @param {Promise<T>} promise
 * @param {{ ms?: number, late?: () => Error, signal?: AbortSignal | undefined }} bound
 * @returns {Promise<T>}
 */
export function within(promise, { ms = Infinity, late, signal }) {
  return new Promise((resolve, reject) => {
    // A timer holds for 24 days at most.
    const timer = ms < 0x7fff_ffff ? setTimeout(() => settle(() => reject(late?.())), ms) : 0;
    const onAbort = () => settle(() => reject(signal?.reason));
    /** @param {() => void} finish */
    function settle(finish) {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      finish();
    }
    promise.then(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    );
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort);
  });
}

/**
 * Resolves after `ms`, or as soon as `wake` tells that the device is online, or looked at; rejects with the reason of `signal`.
 * @param {number} ms
 * @param {AbortSignal} signal
 * @param {EventTarget} wake
 * @returns {Promise<void>}
 */
export async function pause(ms, signal, wake) {
  const over = new AbortController();
  await within(
    new Promise((resolve) => {
      setTimeout(resolve, ms);
      for (const type of ['online', 'visibilitychange']) wake.addEventListener(type, resolve, { signal: over.signal });
    }),
    { signal },
  ).finally(() => over.abort());
}

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
 * @param {{ ms: number, late: () => Error, signal?: AbortSignal | undefined }} bound
 * @returns {Promise<T>}
 */
export function within(promise, { ms, late, signal }) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(() => reject(late())), ms);
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
 * Resolves after `ms`, or as soon as `wake` fires an event named `online`; rejects with the reason of `signal`.
 * @param {number} ms
 * @param {AbortSignal} signal
 * @param {EventTarget} [wake]
 * @returns {Promise<void>}
 */
export function pause(ms, signal, wake) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(resolve), ms);
    const onWake = () => settle(resolve);
    const onAbort = () => settle(() => reject(signal.reason));
    /** @param {() => void} finish */
    function settle(finish) {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      wake?.removeEventListener('online', onWake);
      finish();
    }
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);
    wake?.addEventListener('online', onWake);
    return undefined;
  });
}

/** Id tokens, and a server that renews them, or does not. */

/** @param {object | null} claims @returns {string} a token with these, which nobody signed */
export function tokenOf(claims) {
  const bytes = new TextEncoder().encode(JSON.stringify(claims));
  const payload = btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  return `e30.${payload}.c2ln`;
}

/** @typedef {{ path: string, method: string | undefined, token: string | null }} Call */

/**
 * Answers `fetch` until it is restored.
 * @param {(path: string) => unknown} reply null for what the status says; an object is a success, unless it has a `detail`
 * @param {number} [status] of refusals; 0 when there is no server
 * @param {HeadersInit} [headers]
 */
export function answering(reply, status = 500, headers) {
  const real = globalThis.fetch;
  /** @type {Call[]} */
  const calls = [];
  const told = { calls, aborted: 0, restore: () => (globalThis.fetch = real) };
  globalThis.fetch = async (input, { method, headers: sent, signal } = {}) => {
    const path = new URL(String(input)).pathname;
    calls.push({ path, method, token: new Headers(sent).get('Authorization')?.replace('Bearer ', '') ?? null });
    const aborted = new Promise((_, reject) => {
      signal?.addEventListener('abort', () => {
        told.aborted += 1;
        reject(signal.reason);
      });
    });
    const body = /** @type {any} */ (await Promise.race([reply(path), aborted]));
    const isOk = body !== null && body.detail === undefined;
    if (!isOk && status === 0) throw new TypeError('Failed to fetch');
    // Only as much of a response as is looked at: the real one takes more than a turn.
    const response = { ok: isOk, status: isOk ? 200 : status, headers: new Headers(headers), json: async () => body };
    return /** @type {Response} */ (/** @type {unknown} */ (response));
  };
  return told;
}

/** The least that a browser test needs: named tests, assertions, and results that can be handed to Python. */

/** The longest that one test may take; longer than any deadline of the SDK. */
const TEST_MS = 30_000;

/** @type {{ name: string, body: () => Promise<void> | void }[]} */
const tests = [];

/** @param {string} name @param {() => Promise<void> | void} body */
export function test(name, body) {
  tests.push({ name, body });
}

/** Runs what the module that was imported declared. @returns {Promise<{ name: string, ms: number, error: string | null }[]>} */
export async function run() {
  const results = [];
  /** @type {string[]} */
  const stray = [];
  addEventListener('unhandledrejection', (event) => stray.push(`unhandled: ${event.reason?.stack ?? event.reason}`));
  for (const { name, body } of tests) {
    let error = null;
    const start = performance.now();
    try {
      await bounded(body);
    } catch (caught) {
      error = caught instanceof Error ? `${caught.name}: ${caught.message}\n${caught.stack}` : String(caught);
    }
    results.push({ name, ms: Math.round(performance.now() - start), error: [error, ...stray].filter((each) => each !== null).join('\n') || null });
    stray.length = 0;
  }
  return results;
}

/** @param {() => Promise<void> | void} body */
async function bounded(body) {
  let timer = 0;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over after ${TEST_MS} ms`)), TEST_MS);
  });
  await Promise.race([body(), late]).finally(() => clearTimeout(timer));
}

/** @param {unknown} actual @param {unknown} expected @param {string} [what] */
export function equal(actual, expected, what = 'value') {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}

/** @param {unknown} value @param {string} what @returns {asserts value} */
export function ok(value, what) {
  if (!value) throw new Error(`not so: ${what}`);
}

/**
 * @template {Error} E
 * @param {Promise<unknown> | (() => unknown)} action
 * @param {new (...args: any[]) => E} Kind
 * @returns {Promise<E>}
 */
export async function throws(action, Kind) {
  try {
    await (typeof action === 'function' ? action() : action);
  } catch (error) {
    if (error instanceof Kind) return error;
    throw new Error(`expected ${Kind.name}, got ${error}`);
  }
  throw new Error(`expected ${Kind.name}, nothing was thrown`);
}

/**
 * The next event of that type for which `wanted` holds.
 * @template {Event} E
 * @param {EventTarget} target
 * @param {string} type
 * @param {(event: E) => boolean} [wanted]
 * @returns {Promise<E>}
 */
export function next(target, type, wanted = () => true) {
  return new Promise((resolve) => {
    target.addEventListener(type, function listener(event) {
      if (!wanted(/** @type {E} */ (event))) return;
      target.removeEventListener(type, listener);
      resolve(/** @type {E} */ (event));
    });
  });
}

/** Resolves after everything that is already due has run. @returns {Promise<void>} */
export function turn() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/**
 * Resolves once `condition` holds; between two looks the page does whatever else is due.
 * @param {() => boolean} condition
 * @param {string} what it stands for
 * @returns {Promise<void>}
 */
export async function until(condition, what) {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > TEST_MS / 2) throw new Error(`never so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

import { FreshIdToken, LONGEST_RETRY_MS, LOOK_MS, renewalDueMs, RETRY_MS, SHORTEST_MS, SOONEST_MS } from '../src/id-token.js';
import { Identity } from '../src/identity.js';
import { equal, ok, test, turn } from './harness.js';
import { answering, tokenOf } from './tokens.js';

const NOW = 1_800_000_000_000;
const DAY = 86_400_000;
const URL = 'http://h:1';

/** One that was made so long ago. @param {number} ageMs @param {number} [lifeMs] @param {number} [now] */
function aged(ageMs, lifeMs = DAY, now = NOW) {
  return tokenOf({ iat: (now - ageMs) / 1000, exp: (now - ageMs + lifeMs) / 1000 });
}

/** Time as the test has it. */
class Clock {
  ms = NOW;
  /** What the timers were set to. @type {number[]} */
  waits = [];
  /** @type {{ id: number, at: number, step: () => void }[]} */
  timers = [];
  #ids = 0;

  now = () => this.ms;

  /** @param {() => void} step @param {number} ms */
  setTimeout = (step, ms) => {
    this.waits.push(ms);
    this.timers.push({ id: (this.#ids += 1), at: this.ms + ms, step });
    return this.#ids;
  };

  /** @param {number} id */
  clearTimeout = (id) => {
    this.timers = this.timers.filter((timer) => timer.id !== id);
  };

  /** @param {number} ms */
  async pass(ms) {
    const until = this.ms + ms;
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.ms = next.at;
      this.clearTimeout(next.id);
      next.step();
      if (this.timers.length === 0) await turn(); // it asks
    }
    this.ms = until;
  }

  /** Time passes, and the timers stand still. @param {number} ms */
  sleep(ms) {
    this.ms += ms;
    for (const timer of this.timers) timer.at += ms;
  }

  /** @param {number} until */
  #next(until) {
    return this.timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
  }
}

/** @param {string | import('../src/identity.js').IdTokenSource | undefined} given */
function keeping(given) {
  const clock = new Clock();
  /** @type {string[]} */
  const changes = [];
  const identity = new Identity(URL, given, null, (token) => changes.push(token));
  const fresh = new FreshIdToken(identity, clock);
  return { clock, changes, identity, fresh };
}

test('it is due when half of its life is over', () => {
  for (const [ageMs, dueMs] of [
    [0, DAY / 2],
    [DAY / 4, DAY / 4],
    [DAY / 2, SOONEST_MS], // not at once: most sessions are gone again soon
    [DAY - 60_000, 6000],
    [DAY, SHORTEST_MS],
    [2 * DAY, SHORTEST_MS],
    [-DAY, DAY / 2], // this device's clock is behind
  ]) {
    equal(renewalDueMs(aged(Number(ageMs)), NOW), dueMs, `${ageMs} ms old`);
  }
});

test('what does not say when it ends is never due', () => {
  const iat = NOW / 1000;
  const numberless = [tokenOf({ sub: 'ann' }), tokenOf({ iat: 'x', exp: iat }), tokenOf({ exp: iat }), tokenOf(null)];
  for (const token of [null, 'jwt', 'a.b.c', 'e30.e30', ...numberless]) equal(renewalDueMs(token, NOW), Infinity, `${token}`);
});

test('whatever letters are in its claims', () => {
  equal(renewalDueMs(tokenOf({ iat: NOW / 1000, exp: (NOW + DAY) / 1000, sub: 'ä?ö>ü~ÿ€' }), NOW), DAY / 2);
});

test('renews at half of its life, with the present token, again and again', async () => {
  const server = answering(() => ({ id_token: aged(0, DAY, clock.ms), username: 'anon-a' }));
  const { clock, changes, identity, fresh } = keeping(aged(0));
  fresh.look();
  await clock.pass(DAY / 2 - 1);
  equal([server.calls, changes], [[], []]);
  await clock.pass(1);
  const second = aged(0, DAY, NOW + DAY / 2);
  equal(server.calls, [{ path: '/api/id-token', method: 'POST', token: aged(0) }]);
  equal([identity.token, changes], [second, [second]]);
  await clock.pass(DAY);
  equal(server.calls.slice(1).map(({ token }) => token), [second, aged(0, DAY, NOW + DAY)]);
  equal(changes.length, 3);
  fresh.stop();
  server.restore();
});

test("a device's clock may be wrong when the server makes the tokens", async () => {
  for (const offset of [-3 * DAY, 3 * DAY]) {
    const server = answering(() => ({ id_token: aged(0, DAY, clock.ms + offset), username: 'anon-a' }));
    const { clock, identity, fresh } = keeping(undefined);
    identity.take(aged(0, DAY, NOW + offset), clock.ms); // as after signing in
    fresh.look();
    await clock.pass(DAY / 2 - 1);
    equal(server.calls.length, 0, `${offset}`);
    await clock.pass(1);
    equal(server.calls.length, 1, `${offset}`);
    await clock.pass(DAY / 2 - 1);
    equal(server.calls.length, 1, `${offset}`);
    fresh.stop();
    server.restore();
  }
});

for (const status of [401, 403, 404, 405]) {
  test(`after ${status} that token is not asked for again, another one is`, async () => {
    const server = answering(() => ({ detail: 'No' }), status);
    const { clock, changes, identity, fresh } = keeping(aged(0));
    fresh.look();
    await clock.pass(DAY / 2);
    equal([server.calls.length, clock.timers.length], [1, 0]);
    fresh.look(); // as when the session is online again
    await clock.pass(DAY);
    equal([server.calls.length, changes, identity.token], [1, [], aged(0)]);
    identity.take(aged(0, DAY, clock.ms), clock.ms);
    fresh.look();
    await clock.pass(DAY / 2);
    equal(server.calls.length, 2);
    fresh.stop();
    server.restore();
  });
}

for (const [what, status] of /** @type {[string, number][]} */ ([
  ['cannot be reached', 0],
  ['is out of order', 503],
])) {
  test(`a server that ${what} is asked again, after longer and longer pauses`, async () => {
    let isUp = false;
    const server = answering(() => (isUp ? { id_token: aged(0, DAY, clock.ms), username: 'anon-a' } : null), status);
    const { clock, changes, fresh } = keeping(aged(0));
    fresh.look();
    await clock.pass(DAY / 2);
    clock.waits.length = 0;
    for (let asked = 1; asked <= 6; asked += 1) {
      equal(server.calls.length, asked);
      await clock.pass(Math.min(RETRY_MS * 2 ** (asked - 1), LONGEST_RETRY_MS) - 1);
      equal(server.calls.length, asked, 'not earlier');
      await clock.pass(1);
    }
    isUp = true;
    await clock.pass(LONGEST_RETRY_MS);
    equal([server.calls.length, changes], [8, [aged(0, DAY, clock.ms)]]);
    fresh.stop();
    server.restore();
  });
}

test('near its end a token is asked for more often, and after it not all the time', async () => {
  const server = answering(() => null, 503);
  const { clock, fresh } = keeping(aged(0, 60_000));
  fresh.look();
  await clock.pass(60_000);
  ok(server.calls.length >= 10 && server.calls.length <= 40, `${server.calls.length} times in the second half of a minute`);
  const before = server.calls.length;
  await clock.pass(DAY);
  ok(server.calls.length - before >= DAY / LONGEST_RETRY_MS - 1, `${server.calls.length - before} times in a day`);
  ok(server.calls.length - before <= DAY / LONGEST_RETRY_MS + 20, `${server.calls.length - before} times in a day`);
  fresh.stop();
  server.restore();
});

test('a server that is asked too often says when', async () => {
  const server = answering(() => ({ detail: 'Too many' }), 429, { 'Retry-After': '90' });
  const { clock, fresh } = keeping(aged(0));
  fresh.look();
  await clock.pass(DAY / 2 + 89_999);
  equal(server.calls.length, 1);
  await clock.pass(1);
  equal(server.calls.length, 2);
  fresh.stop();
  server.restore();
});

test('a life that is longer than a timer can be', async () => {
  const server = answering(() => ({ id_token: aged(0, DAY, clock.ms), username: 'anon-a' }));
  const { clock, fresh } = keeping(aged(0, 100 * DAY));
  fresh.look();
  await clock.pass(50 * DAY - 1);
  equal([server.calls.length, Math.max(...clock.waits)], [0, LOOK_MS]);
  await clock.pass(1);
  equal(server.calls.length, 1);
  fresh.stop();
  server.restore();
});

test('a device that slept renews soon after, at once when its session is online again', async () => {
  const server = answering(() => ({ id_token: aged(0, DAY, clock.ms), username: 'anon-a' }));
  const { clock, changes, fresh } = keeping(aged(0));
  fresh.look();
  await clock.pass(LOOK_MS / 2);
  clock.sleep(DAY * 0.75);
  await clock.pass(LOOK_MS / 2 - 1);
  equal(server.calls.length, 0);
  await clock.pass(1);
  equal(server.calls.length, 1);
  clock.sleep(DAY * 0.75);
  fresh.look();
  await turn();
  equal([server.calls.length, changes.length], [2, 2]);
  fresh.stop();
  server.restore();
});

test('a source is asked for a fresh one, and may fail or have none at times', async () => {
  /** @type {(string | Error)[]} */
  const answers = [aged(0), new Error('away'), aged(0), aged(0, DAY, NOW + DAY / 2)];
  /** @type {boolean[]} */
  const asked = [];
  const server = answering(() => null, 503);
  const { clock, changes, identity, fresh } = keeping(({ fresh: isFresh }) => {
    asked.push(isFresh);
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer ?? '';
  });
  equal(await identity.get(), aged(0));
  fresh.look();
  await clock.pass(DAY / 2);
  equal(asked, [false, true]);
  await clock.pass(RETRY_MS);
  equal(asked.length, 3);
  await clock.pass(2 * RETRY_MS - 1);
  equal([asked.length, changes.length], [3, 1]);
  await clock.pass(1);
  equal([asked, changes], [[false, true, true, true], [aged(0), aged(0, DAY, NOW + DAY / 2)]]);
  equal(server.calls, [], 'the server renews no tokens of others');
  fresh.stop();
  server.restore();
});

test('an answer for a token that the server has refused meanwhile comes too late', async () => {
  /** @type {() => void} */
  let answer = () => {};
  const held = new Promise((resolve) => (answer = () => resolve(undefined)));
  const server = answering(() => held.then(() => ({ id_token: aged(0, DAY, NOW + 1), username: 'anon-a' })));
  const { clock, changes, identity, fresh } = keeping(undefined);
  identity.take(aged(0), NOW);
  fresh.look();
  await clock.pass(DAY / 2);
  const another = aged(0, DAY, clock.ms);
  identity.take(another, clock.ms);
  fresh.look();
  answer();
  await turn();
  equal([identity.token, changes], [another, [aged(0), another]]);
  await clock.pass(DAY / 2);
  equal(server.calls.map(({ token }) => token), [aged(0), another]);
  fresh.stop();
  server.restore();
});

test('stops at any time', async () => {
  const server = answering(() => new Promise(() => {}));
  const { clock, changes, fresh } = keeping(aged(0));
  fresh.look();
  await clock.pass(DAY / 2);
  fresh.look();
  equal([server.calls.length, server.aborted], [1, 0], 'one question at a time');
  fresh.stop();
  await turn();
  equal([server.aborted, clock.timers.length], [1, 0]);
  fresh.look();
  equal([clock.timers.length, changes], [0, []]);

  const early = keeping(aged(0));
  early.fresh.look();
  equal(early.clock.timers.length, 1);
  early.fresh.stop();
  await early.clock.pass(DAY);
  equal(server.calls.length, 1);
  server.restore();
});

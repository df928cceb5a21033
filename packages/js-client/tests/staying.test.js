import * as heliograph from '../src/index.js';
import { defaultReply, FakeServer } from './fake-server.js';
import { equal, next, ok, test, throws, until } from './harness.js';
import { enter, soon, state } from './pair.js';
import { answering, tokenOf } from './tokens.js';

const SIGN_IN = '/anonymous-signin';
const RENEW = '/api/id-token';

/** One that is made now and is to be renewed after half of this. @param {number} lifeMs @param {string} sub */
function made(lifeMs, sub) {
  return tokenOf({ sub, iat: Date.now() / 1000, exp: (Date.now() + lifeMs) / 1000 });
}

/** @param {heliograph.Session} session @returns {Promise<string>} */
async function renewed(session) {
  return /** @type {import('../src/session.js').SessionEvents['idtoken']} */ (await next(session, 'idtoken')).idToken;
}

/** The id tokens that peers registered with. @param {FakeServer} server */
function shown(server) {
  return server.heard('register').map(({ id_token: idToken }) => idToken);
}

test('a session that signed in renews its token, and uses the next one from then on, in the next page too', async () => {
  const server = new FakeServer(2);
  const tokens = [made(400, 'first'), made(86_400_000, 'second')];
  const http = answering((path) => ({ id_token: tokens[path === SIGN_IN ? 0 : 1], username: 'anon-a' }));
  const a = await enter(server, 'a', { idToken: null, ...soon });
  equal([a.idToken, shown(server)], [tokens[0], [tokens[0]]]);
  equal(await renewed(a), tokens[1]);
  equal(a.idToken, tokens[1]);
  const back = state(a, 'online');
  server.hangUp(1012);
  await back;
  equal([shown(server)[1] === tokens[1], a.resumed], [true, true]);
  const ticket = JSON.parse(JSON.stringify(a.suspend()));
  equal(ticket.idToken, tokens[1]);
  const again = await enter(server, 'a', { idToken: null, ticket });
  equal([shown(server)[2] === tokens[1], again.resumed, again.idToken === tokens[1]], [true, true, true]);
  again.close();
  equal(http.calls.map(({ path, token }) => [path, token]), [[SIGN_IN, null], [RENEW, tokens[0]]]);
  http.restore();
});

test('a token that was given is renewed too, and counts more than that of a ticket', async () => {
  const server = new FakeServer(2);
  const http = answering(() => ({ id_token: made(86_400_000, 'next'), username: 'anon-a' }));
  const given = made(400, 'given');
  const earlier = await enter(server, 'a', { idToken: 'earlier' });
  const a = await enter(server, 'a', { idToken: given, ticket: earlier.suspend() });
  equal(shown(server), ['earlier', given]);
  equal(await renewed(a), a.idToken);
  equal(http.calls.map(({ path, token }) => [path, token]), [[RENEW, given]]);
  a.close();
  http.restore();
});

test('a token that the server does not renew is used to its end; who signed in is another user then', async () => {
  const server = new FakeServer(2);
  const tokens = [made(400, 'first'), made(86_400_000, 'another')];
  const http = answering((path) => (path === RENEW ? { detail: 'No' } : { id_token: tokens.shift(), username: 'anon' }), 403);
  const [first, another] = tokens;
  const a = await enter(server, 'a', { idToken: null, ...soon });
  await until(() => http.calls.length === 2, 'it has asked');
  equal(a.idToken, first);
  server.reply = (message) =>
    message.id_token === first ? { type: 'error', code: 'INVALID_ID_TOKEN', reason: 'Invalid token' } : defaultReply(message);
  const told = renewed(a);
  const back = state(a, 'online');
  server.hangUp(1006);
  await back;
  equal([await told, a.idToken, shown(server)], [another, another, [first, first, another]]);
  a.close();
  equal(http.calls.map(({ path }) => path), [SIGN_IN, RENEW, SIGN_IN]);
  http.restore();
});

test('a source is asked for a fresh one in time; the application hears of it', async () => {
  const server = new FakeServer(2);
  const tokens = [made(400, 'first'), made(86_400_000, 'second')];
  const http = answering(() => null);
  const a = await enter(server, 'a', { idToken: async ({ fresh }) => tokens[fresh ? 1 : 0] ?? '' });
  equal(await renewed(a), tokens[1]);
  a.close();
  equal(http.calls, []);
  http.restore();
});

for (const [how, end] of /** @type {[string, (session: heliograph.Session) => unknown][]} */ ([
  ['closed', (session) => session.close()],
  ['suspended', (session) => session.suspend()],
])) {
  test(`a session that is ${how} gives up a renewal that is under way`, async () => {
    const server = new FakeServer(2);
    const http = answering(() => new Promise(() => {}));
    const given = made(400, 'given');
    const a = await enter(server, 'a', { idToken: given });
    await until(() => http.calls.length === 1, 'it asks');
    equal(http.aborted, 0);
    end(a);
    equal([http.aborted, a.idToken], [1, given]);
    http.restore();
  });
}

test('without a token nobody gets in, and no socket is left open', async () => {
  const server = new FakeServer();
  const http = answering(() => null, 0);
  server.up = false;
  const options = { idToken: null };
  ok((await throws(enter(server, 'a', options), heliograph.ServerUnreachable)).message.startsWith('No WebSocket'), 'says so');
  server.up = true;
  ok((await throws(enter(server, 'b', options), heliograph.ServerUnreachable)).message.endsWith('did not answer'), 'says so');
  await until(() => server.sockets.length === 0, 'no socket is left open');
  http.restore();
});

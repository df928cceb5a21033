import * as heliograph from '../src/index.js';
import { defaultReply, FakeServer } from './fake-server.js';
import { PROBE_MS } from '../src/staying.js';
import { equal, ok, test, throws, turn, until } from './harness.js';
import { chatOf, connectedPair, enter, state } from './pair.js';

test('registers with the fields of the protocol, and lists the others', async () => {
  const server = new FakeServer();
  const a = await enter(server, 'a');
  const b = await enter(server, 'b', { role: 'client' });
  equal(server.received, [
    { type: 'register', peer_id: 'a', room_id: 'room1234', token: 'secret', id_token: 'jwt', protocol: 2 },
    {
      type: 'register',
      peer_id: 'b',
      room_id: 'room1234',
      token: 'secret',
      id_token: 'jwt',
      protocol: 2,
      role: 'client',
    },
  ]);
  equal([await a.peers(), await b.peers()], [['b'], ['a']]);
  a.close();
  await until(() => server.members.size === 1, 'the server has noticed');
  equal([a.state, await b.peers()], ['closed', []]);
  await throws(a.peers(), heliograph.SignalingDown);
  b.close();
});

for (const [code, Kind] of /** @type {[string, any][]} */ ([
  ['INVALID_ROOM_TOKEN', heliograph.InvalidRoomToken],
  ['ROOM_NOT_FOUND', heliograph.RoomNotFound],
  ['ROOM_EXPIRED', heliograph.RoomExpired],
  ['ROOM_FULL', heliograph.RoomFull],
  ['PEER_ID_TAKEN', heliograph.PeerIdTaken],
  ['STORE_UNAVAILABLE', heliograph.StoreUnavailable],
  ['SOMETHING_NEW', heliograph.Refused],
])) {
  test(`a registration refused with ${code} is a ${Kind.name}`, async () => {
    const server = new FakeServer();
    server.reply = () => ({ type: 'error', code, message: 'No', reason: 'no' });
    const error = await throws(enter(server, 'a'), Kind);
    equal([error.constructor === Kind, /** @type {any} */ (error).code, error.message], [true, code, 'No']);
    const words = code.split('_').map((word) => `${word[0]}${word.slice(1).toLowerCase()}`);
    equal(error.name, words.join(''), 'what a console shows');
    await until(() => server.sockets.length === 0, 'no socket is left open');
  });
}

test('a refused id token is renewed once', async () => {
  const server = new FakeServer();
  server.reply = (message) =>
    message.id_token === 'fresh'
      ? defaultReply(message)
      : { type: 'error', code: 'INVALID_ID_TOKEN', reason: 'Invalid token' };
  /** @type {boolean[]} */
  const asked = [];
  const idToken = (/** @type {{ fresh: boolean }} */ { fresh }) => (asked.push(fresh), fresh ? 'fresh' : 'stale');
  (await enter(server, 'a', { idToken })).close();
  equal(asked, [false, true]);
  await throws(enter(server, 'b', { idToken: 'stale' }), heliograph.InvalidIdToken);
});

test('no server, and a server that does not answer', async () => {
  const server = new FakeServer();
  server.reply = () => null;
  await throws(enter(server, 'a', { signaling: { replyTimeoutMs: 30 } }), heliograph.ReplyTimeout);
  server.up = false;
  await throws(enter(server, 'a'), heliograph.ServerUnreachable);
});

test('answers to questions asked at once go to who asked, in order', async () => {
  const server = new FakeServer();
  const a = await enter(server, 'a');
  let asked = 0;
  server.reply = () => ({ type: 'available_peers', peers: [`${asked++}`] });
  equal(await Promise.all([a.peers(), a.peers(), a.peers()]), [['0'], ['1'], ['2']]);
  a.close();
});

test('comes back by itself after a drop; open connections do not notice', async () => {
  const { server, a, b, ab, ba, close } = await connectedPair({ random: () => 0 });
  const [left, back] = [state(a, 'reconnecting'), state(a, 'online')];
  const bBack = state(b, 'online');
  server.up = false;
  server.hangUp(1012);
  ok((await left).error instanceof heliograph.Restarting, 'says why');
  const asked = a.peers();
  await chatOf(ab).send('while it is down');
  equal(await chatOf(ba).receive(), 'while it is down');
  server.up = true;
  await Promise.all([back, bBack]);
  await asked; // it waited
  equal(await a.peers(), ['b']);
  equal([ab.state, ba.state], ['open', 'open']);
  close();
});

for (const [closeCode, Kind] of /** @type {[number, any][]} */ ([
  [4001, heliograph.Replaced],
  [4003, heliograph.Removed],
])) {
  test(`close code ${closeCode} is final: ${Kind.name}`, async () => {
    const server = new FakeServer();
    const a = await enter(server, 'a');
    const over = state(a, 'closed');
    server.hangUp(closeCode);
    const { error } = await over;
    ok(error instanceof Kind, `${error}`);
    equal(a.state, 'closed');
  });
}

test('a refusal on the way back is final when trying again is of no use', async () => {
  const server = new FakeServer();
  const a = await enter(server, 'a', { random: () => 0 });
  server.reply = () => ({ type: 'error', code: 'ROOM_EXPIRED', reason: 'Room expired' });
  const over = state(a, 'closed');
  server.hangUp(1006);
  ok((await over).error instanceof heliograph.RoomExpired, 'says why');
});

test('gives up when the server stays away for longer than the window', async () => {
  const server = new FakeServer();
  const a = await enter(server, 'a', { random: () => 0, signaling: { reconnectWindowMs: 1 } });
  const over = state(a, 'closed');
  server.up = false;
  server.hangUp(1006);
  ok((await over).error instanceof heliograph.ServerUnreachable, 'says why');
});

test('a socket that went silent is found and replaced', async () => {
  const server = new FakeServer();
  const a = await enter(server, 'a', { random: () => 0, signaling: { keepaliveMs: 20 } });
  const lost = state(a, 'reconnecting');
  server.reply = (message) => (message.type === 'ping' ? null : defaultReply(message));
  ok((await lost).error instanceof heliograph.ReplyTimeout, 'says why');
  server.reply = defaultReply;
  await state(a, 'online');
  a.close();
});

test('a device that wakes up asks the server at once, and finds a dead socket', async () => {
  const server = new FakeServer();
  const network = new EventTarget();
  const a = await enter(server, 'a', { random: () => 0, signaling: { network } });
  server.reply = (message) => (message.type === 'ping' ? null : defaultReply(message));
  const lost = state(a, 'reconnecting');
  const asked = () => server.heard('ping').length > 0;
  await until(() => (network.dispatchEvent(new Event('visibilitychange')), asked()), 'the part for it is loaded');
  const before = performance.now();
  ok((await lost).error instanceof heliograph.ReplyTimeout, 'says why');
  ok(performance.now() - before < PROBE_MS + 1000, 'long before the next look');
  server.reply = defaultReply;
  await state(a, 'online');
  network.dispatchEvent(new Event('online'));
  await a.ping();
  equal(a.state, 'online', 'one that answers stays');
  a.close();
  const count = server.heard('ping').length;
  network.dispatchEvent(new Event('online'));
  await turn();
  equal(server.heard('ping').length, count, 'it is over');
});

test('what an id token is awaited for can be called off', async () => {
  const server = new FakeServer();
  const abort = new AbortController();
  const entering = enter(server, 'a', { idToken: () => new Promise(() => {}), signal: abort.signal });
  await until(() => server.sockets.length === 1, 'the socket is open');
  abort.abort(new RangeError('never mind'));
  await throws(entering, RangeError);
  await until(() => server.sockets.length === 0, 'no socket is left open');
});

for (const type of ['online', 'visibilitychange']) {
  test(`the device coming back (${type}) ends the pause`, () => endsThePause(type));
}

/** @param {string} type */
async function endsThePause(type) {
  const server = new FakeServer();
  const network = new EventTarget();
  const a = await enter(server, 'a', { random: () => 0.999, signaling: { network } });
  server.hangUp(1006);
  await state(a, 'reconnecting');
  const before = performance.now();
  network.dispatchEvent(new Event(type));
  await state(a, 'online');
  ok(performance.now() - before < 200, 'at once');
  a.close();
}

test('frames that are no messages are passed over', async () => {
  const server = new FakeServer();
  const a = await enter(server, 'a');
  const socket = server.members.get('a')?.socket;
  for (const data of ['{', '[]', 'null', '7', '{"type":7}', '{"type":"from_the_future"}', new Blob(['x'])]) {
    socket?.dispatchEvent(new MessageEvent('message', { data }));
  }
  equal(await a.peers(), []);
  a.close();
});

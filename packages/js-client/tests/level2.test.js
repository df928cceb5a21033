import * as heliograph from '../src/index.js';
import { CONFIRM_MESSAGES } from '../src/tally.js';
import { defaultReply, FakeServer } from './fake-server.js';
import { equal, next, ok, test, throws, until } from './harness.js';
import { enter, soon, state } from './pair.js';

/** @typedef {import('../src/session.js').SessionEvents} SessionEvents */

/** @param {heliograph.Session} session @returns {unknown[]} the payloads as they come */
function inbox(session) {
  /** @type {unknown[]} */
  const payloads = [];
  session.on('message', ({ payload }) => payloads.push(payload));
  return payloads;
}

test('registers with all that it says of itself, and knows who is there', async () => {
  const server = new FakeServer(2);
  const b = await enter(server, 'b', { tags: ['gpu'], properties: { memory: 8 }, groups: ['x'], role: 'worker' });
  const a = await enter(server, 'a');
  equal(server.heard('register')[0], {
    type: 'register',
    peer_id: 'b',
    room_id: 'room1234',
    token: 'secret',
    id_token: 'jwt',
    protocol: 2,
    role: 'worker',
    metadata: { tags: ['gpu'], properties: { memory: 8 } },
    groups: ['x'],
  });
  const peer = a.roster.get('b');
  equal([peer?.peerId, peer?.role, peer?.metadata], ['b', 'worker', { tags: ['gpu'], properties: { memory: 8 } }]);
  equal([a.level, [...a.grants], a.expiresAt, a.resumed], [2, ['signal'], 7, false]);
  b.close();
  a.close();
});

test('news of others keep the roster, and are events', async () => {
  const server = new FakeServer(2);
  const a = await enter(server, 'a');
  /** @type {unknown[]} */
  const news = [];
  a.on('peer', ({ change, peer, reason }) => news.push([change, peer.peerId, peer.state, reason]));
  const peer = { peer_id: 'b', role: 'peer', metadata: {}, groups: [], connected_at: 1, state: 'online' };
  server.tell('a', { type: 'peer_joined', peer });
  server.tell('a', { type: 'peer_away', peer: { ...peer, state: 'away' } });
  server.tell('a', { type: 'peer_moved', peer }); // of a later version
  server.tell('a', { type: 'peer_updated', peer: { ...peer, claimed_by: ['c'] } });
  await until(() => news.length === 3, 'three pieces of news');
  equal(a.roster.get('b')?.claimedBy, ['c']);
  server.tell('a', { type: 'peer_left', peer, reason: 'timed_out' });
  await until(() => news.length === 4, 'the last one');
  equal(news, [
    ['joined', 'b', 'online', null],
    ['away', 'b', 'away', null],
    ['updated', 'b', 'online', null],
    ['left', 'b', 'online', 'timed_out'],
  ]);
  equal(a.roster.size, 0);
  a.close();
});

test('what the server announces is an event each', async () => {
  const server = new FakeServer(2);
  const a = await enter(server, 'a');
  /** @type {unknown[]} */
  const heard = [];
  a.on('expiring', ({ expiresAt }) => heard.push(expiresAt));
  a.on('roomclosed', ({ reason }) => heard.push(reason));
  a.on('draining', ({ reconnectWithinS }) => heard.push(reconnectWithinS));
  a.on('claimed', ({ claimId, by }) => heard.push([claimId, by]));
  a.on('released', ({ claimId, reason }) => heard.push([claimId, reason]));
  a.on('complaint', ({ error }) => heard.push(error.code));
  server.tell('a', { type: 'room_expiring', expires_at: 9 });
  server.tell('a', { type: 'room_closed', reason: 'room_closed' });
  server.tell('a', { type: 'server_draining', reconnect_within_s: 5 });
  server.tell('a', { type: 'claimed', claim_id: 'c', by: 'b' });
  server.tell('a', { type: 'claim_released', claim_id: 'c', reason: 'expired' });
  server.tell('a', { type: 'error', code: 'INVALID_MESSAGE', message: 'What?' });
  await until(() => heard.length === 6, 'all of them');
  equal(heard, [9, 'room_closed', 5, ['c', 'b'], ['c', 'expired'], 'INVALID_MESSAGE']);
  equal(a.expiresAt, 9);
  a.close();
});

test('resumes: what was missed follows, once and in order, and what was lost goes out again', async () => {
  const server = new FakeServer(2);
  const [a, b] = await Promise.all([enter(server, 'a', soon), enter(server, 'b', soon)]);
  const got = inbox(b);
  equal(await a.message('b', 1, { ack: true }), 'delivered');
  const back = Promise.all([state(a, 'online'), state(b, 'online')]);
  server.up = false;
  server.hangUp(1006);
  await Promise.all([state(a, 'reconnecting'), state(b, 'reconnecting')]);
  server.tell('b', { type: 'peer_message', from_peer_id: 'c', payload: 2 }); // kept for it
  const waiting = [a.message('b', 3, { ack: true }), a.message('b', 4, { ack: true })];
  server.up = true;
  await back;
  equal([a.resumed, b.resumed], [true, true]);
  equal(await Promise.all(waiting), ['delivered', 'delivered']);
  await until(() => got.length === 4, 'all four');
  equal(got, [1, 2, 3, 4]);
  const { resume } = server.heard('register').at(-1) ?? {};
  ok(resume.session_id && resume.secret, 'with the proof');
  a.close();
  b.close();
});

test('a message that did not arrive goes out again, one of which only the ack was lost does not', async () => {
  const server = new FakeServer(2);
  const [a, b] = await Promise.all([enter(server, 'a', soon), enter(server, 'b', soon)]);
  const got = inbox(b);
  const socket = /** @type {any} */ (server.members.get('a')?.socket);
  const deliver = socket.deliver;
  socket.deliver = () => {}; // from here on nothing reaches a
  const first = a.message('b', 'arrives, its ack does not', { ack: true });
  await until(() => got.length === 1, 'the first has arrived');
  server.forward = () => null; // and nothing of what it sends gets through
  const forgotten = server.members.get('a')?.said.length;
  const second = a.message('b', 'does not arrive', { ack: true });
  await until(() => server.heard('peer_message').length === 2, 'the second was sent');
  equal(server.members.get('a')?.said.length, forgotten, 'there is no ack of the second');
  server.forward = (message) => message;
  socket.deliver = deliver;
  socket.hangUp(1006);
  equal(await Promise.all([first, second]), ['delivered', 'delivered']);
  await until(() => got.length === 2, 'the second has arrived');
  equal(got, ['arrives, its ack does not', 'does not arrive']);
  a.close();
  b.close();
});

test('a session that is gone: a new one, what was asked is asked again, of messages nobody knows', async () => {
  const server = new FakeServer(2);
  const a = await enter(server, 'a', { ...soon, properties: { memory: 8 } });
  server.reply = (message) => (message.type === 'register' ? defaultReply(message) : null);
  server.forward = () => null;
  const told = throws(a.message('b', 'lost', { ack: true }), heliograph.DeliveryUnknown);
  const undelivered = /** @type {Promise<SessionEvents['undelivered']>} */ (next(a, 'undelivered'));
  await a.message('b', 'lost too');
  const asked = a.ping();
  await until(() => server.heard('ping').length === 1, 'all were sent');
  const online = state(a, 'online');
  server.reply = defaultReply;
  server.restart();
  await online;
  equal(a.resumed, false);
  await told;
  const { to, payload, error } = await undelivered;
  equal([to, payload, error instanceof heliograph.DeliveryUnknown], ['b', 'lost too', true]);
  equal(await asked, 0);
  equal(server.heard('register').at(-1)?.metadata, { properties: { memory: 8 } });
  a.close();
});

test('what arrives is confirmed, in time and in bulk', async () => {
  const server = new FakeServer(2);
  const a = await enter(server, 'a');
  for (let i = 0; i < CONFIRM_MESSAGES; i += 1) server.tell('a', { type: 'peer_message', from_peer_id: 'b', payload: i });
  await until(() => server.heard('received').length === 1, 'a full lot is confirmed');
  equal(server.heard('received'), [{ type: 'received', count: CONFIRM_MESSAGES }]);
  server.tell('a', { type: 'peer_message', from_peer_id: 'b', payload: 'one more' });
  await until(() => server.heard('received').length === 2, 'a single one after a while');
  equal(server.heard('received')[1]?.count, CONFIRM_MESSAGES + 1);
  a.close();
});

test('leaves, at level 2 in words', async () => {
  const server = new FakeServer(2);
  const [a, b] = await Promise.all([enter(server, 'a'), enter(server, 'b')]);
  const got = inbox(b);
  void a.message('b', 'last words');
  a.close();
  await until(() => server.heard('leave').length === 1, 'it has said so');
  equal(server.received.at(-1)?.type, 'leave', 'and nothing after it');
  await until(() => got.length === 1, 'the last words were said');
  await throws(a.message('b', 'more'), heliograph.SignalingDown);
  b.close();
});

test('a session goes on in another page', async () => {
  const server = new FakeServer(2);
  const [a, b] = await Promise.all([enter(server, 'a'), enter(server, 'b')]);
  await a.message('b', 'before', { ack: true });
  const ticket = a.suspend();
  equal(a.state, 'closed');
  await until(() => server.members.get('a')?.socket === null, 'the server has noticed');
  equal(server.heard('leave'), []);
  equal(await b.message('a', 'meanwhile', { ack: true }), 'buffered');
  const again = await enter(server, 'a', { ticket: JSON.parse(JSON.stringify(ticket)) });
  const got = inbox(again);
  equal(again.resumed, true);
  await until(() => got.length === 1, 'what came meanwhile');
  equal(got, ['meanwhile']);
  equal(await again.message('b', 'after', { ack: true }), 'delivered');
  again.close();
  b.close();
});

test('a message that the server kept and then could not deliver is an event', async () => {
  const server = new FakeServer(2);
  const [a, b] = await Promise.all([enter(server, 'a'), enter(server, 'b')]);
  b.suspend();
  await until(() => server.members.get('b')?.socket === null, 'b is away');
  equal(await a.message('b', 'kept', { ack: true }), 'buffered');
  const undelivered = /** @type {Promise<SessionEvents['undelivered']>} */ (next(a, 'undelivered'));
  const { ref } = server.received.find(({ type }) => type === 'peer_message') ?? {};
  server.tell('a', { type: 'error', code: 'PEER_NOT_FOUND', message: 'Gone', ref });
  const { payload, error } = await undelivered;
  equal([payload, error instanceof heliograph.PeerNotFound], ['kept', true]);
  a.close();
});

test('a server that drops messages for their number gets them again', async () => {
  const server = new FakeServer(2);
  const [a, b] = await Promise.all([enter(server, 'a'), enter(server, 'b')]);
  const got = inbox(b);
  server.forward = ({ payload }) => {
    if (payload === 1) server.tell('a', { type: 'error', code: 'RATE_LIMITED', message: 'Slower' });
    return null;
  };
  const sent = [a.message('b', 1, { ack: true }), a.message('b', 2, { ack: true })];
  await until(() => server.heard('peer_message').length === 2, 'both were sent');
  server.forward = (message) => message;
  equal(await Promise.all(sent), ['delivered', 'delivered']);
  await until(() => got.length === 2, 'both have arrived');
  equal(got, [1, 2]);
  a.close();
  b.close();
});

test('no faster than the server takes it', async () => {
  const server = new FakeServer(2);
  server.limits = { message_bytes: 200, messages_per_s: 20 };
  const a = await enter(server, 'a');
  const start = performance.now();
  await Promise.all(Array.from({ length: 30 }, () => a.ping()));
  ok(performance.now() - start > 350, 'ten of them had to wait');
  await throws(a.message('b', 'x'.repeat(200)), heliograph.MessageTooBig);
  a.close();
});

test('a wait can be called off; what then comes is nobody\'s', async () => {
  const server = new FakeServer(2);
  const a = await enter(server, 'a');
  server.reply = (message) => (message.type === 'claim_peer' ? { type: 'claim_queued', position: 1 } : defaultReply(message));
  const abort = new AbortController();
  /** @type {number[]} */
  const positions = [];
  const claiming = a.claim({ role: 'worker', waitS: 9, onQueued: (position) => positions.push(position), signal: abort.signal });
  await until(() => positions.length === 1, 'it stands in line');
  abort.abort(new RangeError('never mind'));
  await throws(claiming, RangeError);
  const { ref } = server.received.find(({ type }) => type === 'claim_peer') ?? {};
  const peer = { peer_id: 'b', role: 'worker', metadata: {}, groups: [], connected_at: 1, state: 'online' };
  server.tell('a', { type: 'peer_claimed', claim_id: 'c', peer, expires_at: 1, ref });
  await until(() => server.heard('release_claim').length === 1, 'it is given back');
  await throws(a.peers({ signal: AbortSignal.abort(new RangeError('no')) }), RangeError);
  a.close();
});

test('a server of level 1 is not asked what it does not know', async () => {
  const server = new FakeServer(1);
  const a = await enter(server, 'a');
  equal(a.level, 1);
  await throws(a.discover(), heliograph.UnsupportedByServer);
  await throws(a.message('b', 'x'), heliograph.UnsupportedByServer);
  equal([await a.ping(), await a.peers(), a.suspend()], [0, [], null]);
});

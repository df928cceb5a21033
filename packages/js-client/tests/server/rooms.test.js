import * as heliograph from '../../src/index.js';
import { equal, next, ok, test, throws, until } from '../harness.js';
import { enter, newRoom, stage } from './room.js';

/** @typedef {import('../../src/session.js').SessionEvents} SessionEvents */

test('who is there: the roster, discovery with filters, metadata, groups', async () => {
  const place = await newRoom();
  const a = await enter(place, 'a');
  const joined = /** @type {Promise<SessionEvents['peer']>} */ (next(a, 'peer'));
  const properties = { gpu_memory_mb: 16384, status: 'available' };
  const w = await enter(place, 'w', { role: 'worker', tags: ['gpu'], properties, groups: ['default', 'training'] });
  const { change, peer } = await joined;
  equal([change, peer.peerId, peer.metadata], ['joined', 'w', { tags: ['gpu'], properties }]);
  const of = async (/** @type {import('../../src/peer.js').Filters} */ filters) =>
    (await a.discover(filters)).map(({ peerId }) => peerId);
  equal(await of({}), ['w']);
  equal(await of({ role: ['worker', 'x'], allTags: ['gpu'], properties: { gpu_memory_mb: { $gte: 8192 } } }), ['w']);
  equal(await of({ properties: { gpu_memory_mb: { $lt: 8192 } } }), []);
  await throws(a.discover({ properties: { x: { $what: 1 } } }), heliograph.InvalidMessage);
  equal((await w.update({ tags: ['big'], properties: { status: null, jobs: 1 } })).properties, {
    gpu_memory_mb: 16384,
    jobs: 1,
  });
  await until(() => a.roster.get('w')?.metadata.properties.jobs === 1, 'a is told');
  equal(await w.setGroups(['training']), ['training']);
  await until(() => a.roster.size === 0, 'out of sight');
  await throws(a.message('w', 'x', { ack: true }), heliograph.PeerNotFound);
  ok((await a.ping()) > 1e9, 'the time');
  a.close();
  w.close();
});

test('messages to one and to a group', async () => {
  const place = await newRoom();
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((peerId) => enter(place, peerId)));
  if (!a || !b || !c) throw new Error('three peers');
  /** @type {unknown[]} */
  const heard = [];
  for (const peer of [b, c]) {
    peer.on('message', ({ from, group, payload }) => heard.push([peer.peerId, from, group, payload]));
  }
  equal(await a.message('b', { any: ['JSON', null] }, { ack: true }), 'delivered');
  equal(await a.broadcast('default', 7, { ack: true }), 'delivered');
  await until(() => heard.length === 3, 'all have heard');
  const one = JSON.stringify(['b', 'a', null, { any: ['JSON', null] }]);
  const all = [one, ...['b', 'c'].map((peerId) => JSON.stringify([peerId, 'a', 'default', 7]))];
  equal(heard.map((each) => JSON.stringify(each)).sort(), all.sort());
  const undelivered = /** @type {Promise<SessionEvents['undelivered']>} */ (next(a, 'undelivered'));
  equal(await a.message('nobody', 1), null);
  equal((await undelivered).to, 'nobody');
  const left = /** @type {Promise<SessionEvents['peer']>} */ (next(a, 'peer'));
  b.close();
  const { change, reason } = await left;
  equal([change, reason], ['left', 'left']);
  a.close();
  c.close();
});

test('a page that goes and comes back is the same peer', async () => {
  const place = await newRoom();
  const { idToken } = place;
  const [a, b] = await Promise.all([enter(place, 'a', { idToken }), enter(place, 'b')]);
  /** @type {string[]} */
  const news = [];
  b.on('peer', ({ change }) => news.push(change));
  const ticket = a.suspend();
  await until(() => news.length === 1, 'a is away');
  equal(await b.message('a', 'meanwhile', { ack: true }), 'buffered');
  const again = await enter(place, 'a', { idToken, ticket });
  const { payload } = /** @type {SessionEvents['message']} */ (await next(again, 'message'));
  equal([payload, again.resumed], ['meanwhile', true]);
  await until(() => news.length === 2, 'a is back');
  equal(news, ['away', 'back']);
  again.close();
  b.close();
});

test('claims: one at a time, in line, given back', async () => {
  const place = await newRoom();
  const [a, b, w] = await Promise.all([enter(place, 'a'), enter(place, 'b'), enter(place, 'w', { role: 'worker' })]);
  const claimed = /** @type {Promise<SessionEvents['claimed']>} */ (next(w, 'claimed'));
  const first = await a.claim({ role: 'worker', ttlS: 60 });
  equal([first.peerId, first.isOver, (await claimed).by], ['w', false, 'a']);
  await throws(b.claim({ role: 'worker' }), heliograph.NoPeerAvailable);
  /** @type {number[]} */
  const positions = [];
  const waiting = b.claim({ role: 'worker', waitS: 20, onQueued: (position) => positions.push(position) });
  await until(() => positions.length === 1, 'b stands in line');
  const calledOff = new AbortController();
  const third = enter(place, 'c').then(async (c) => {
    const position = new Promise((resolve) => {
      const claiming = c.claim({ role: 'worker', waitS: 20, onQueued: resolve, signal: calledOff.signal });
      void throws(claiming, RangeError).then(() => c.close());
    });
    return position;
  });
  equal([positions, await third], [[1], 2]);
  calledOff.abort(new RangeError('never mind'));
  await first.release();
  equal([await first.over, first.isOver], ['released', true]);
  const second = await waiting;
  const over = second.over;
  w.close();
  equal(await over, 'left');
  await throws(() => second.check(), heliograph.ClaimLost);
  a.close();
  b.close();
});

test('a waiting claim that is called off keeps nobody from the peer', async () => {
  const place = await newRoom();
  const [a, b, w] = await Promise.all([enter(place, 'a'), enter(place, 'b'), enter(place, 'w', { role: 'worker' })]);
  const first = await a.claim({ role: 'worker' });
  const abort = new AbortController();
  const waiting = b.claim({ role: 'worker', waitS: 20, onQueued: () => abort.abort(new RangeError('no')), signal: abort.signal });
  await throws(waiting, RangeError);
  await first.release();
  const again = await a.claim({ role: 'worker', waitS: 10 }); // b gives back what it gets
  equal(again.peerId, 'w');
  for (const session of [a, b, w]) session.close();
});

test('rooms over HTTP, join tokens', async () => {
  const { api, room } = await newRoom();
  const named = await api.createRoom({ name: 'lab', ttlS: 600, maxPeers: 3 });
  const listed = [];
  for await (const { roomId, name } of api.rooms()) listed.push([roomId, name]);
  equal(listed.sort(), [[room.roomId, null], [named.roomId, 'lab']].sort());
  const details = await api.room(named.roomId);
  equal([details.name, details.maxPeers, details.peerCount, details.token], ['lab', 3, 0, named.token]);
  const longer = await api.updateRoom(named.roomId, { ttlS: 6000, name: null });
  ok(longer.expiresAt > details.expiresAt && longer.name === null, 'longer, and without a name');

  const { token } = await api.mintToken(named.roomId, { role: 'worker', peerId: 'w', grants: ['signal'], ttlS: 60 });
  const worker = await enter({ room: { roomId: named.roomId, token } }, 'w', { role: 'worker' });
  equal([...worker.grants], ['signal']);
  await throws(worker.claim(), heliograph.NotPermitted);
  const peers = [];
  for await (const peer of api.peers(named.roomId, { role: ['worker', 'x'] })) peers.push(peer.peerId);
  equal(peers, ['w']);
  const over = /** @type {Promise<SessionEvents['state']>} */ (next(worker, 'state'));
  await api.removePeer(named.roomId, 'w');
  ok((await over).error instanceof heliograph.Removed, 'it is put out');

  const fresh = await api.rotateToken(named.roomId);
  await throws(enter({ room: named }, 'x'), heliograph.InvalidRoomToken);
  const x = await enter({ room: { ...named, token: fresh } }, 'x');
  const closed = /** @type {Promise<SessionEvents['roomclosed']>} */ (next(x, 'roomclosed'));
  await api.closeRoom(named.roomId);
  await closed;
  equal((await throws(api.room(named.roomId), heliograph.RequestRefused)).status, 404);
  equal((await api.iceServers()).iceServers, []);
  await throws(api.room('..'), heliograph.HeliographError);
});

test('a hundred messages each way, cut again and again: each arrives once, in order', async () => {
  const place = await newRoom();
  const count = 100;
  const [a, b] = await Promise.all([enter(place, 'a'), enter(place, 'b')]);
  const got = [/** @type {unknown[]} */ ([]), /** @type {unknown[]} */ ([])];
  a.on('message', ({ payload }) => got[0]?.push(payload));
  b.on('message', ({ payload }) => got[1]?.push(payload));
  const before = await stage.cuts?.();
  await stage.live?.(8000);
  await stage.cut?.();
  const all = Array.from({ length: count }, (_, i) => [a.message('b', i, { ack: true }), b.message('a', i, { ack: true })]);
  const answers = Promise.all(all.flat());
  const enough = until(() => got.every(({ length }) => length > count / 2), 'half of it');
  await enough.finally(() => stage.live?.(null));
  const outcomes = await answers;
  ok(outcomes.every((outcome) => outcome === 'delivered' || outcome === 'buffered'), 'all are answered');
  await until(() => got.every(({ length }) => length >= count), 'all have arrived');
  const expected = Array.from({ length: count }, (_, i) => i);
  equal(got, [expected, expected]);
  ok((await stage.cuts?.()) - before > 3, 'it was cut');
  equal([a.resumed, b.resumed], [true, true]);
  a.close();
  b.close();
});

test('a server that starts anew is entered again; one that drains says so', async () => {
  const place = await newRoom();
  const [a, b] = await Promise.all([enter(place, 'a'), enter(place, 'b')]);
  /** @type {string[]} */
  const heard = [];
  a.on('draining', () => heard.push('draining'));
  for (const lever of ['restart', 'drain']) {
    const back = [a, b].map((session) => next(session, 'state', (/** @type {any} */ { state }) => state === 'online'));
    await stage[lever]?.();
    await Promise.all(back);
    const kept = await stage.keepsSessions?.();
    equal([a.resumed, b.resumed], [kept, kept]);
    await until(() => a.roster.has('b') && b.roster.has('a'), 'they see each other again');
    equal(await a.message('b', lever, { ack: true }), 'delivered');
  }
  equal(heard, ['draining']);
  a.close();
  b.close();
});

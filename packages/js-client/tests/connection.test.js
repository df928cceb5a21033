import { ConnectionClosed, ConnectTimeout, DescriptionRefused, PeerNotFound, PeerRefused } from '../src/index.js';
import { FakeServer } from './fake-server.js';
import { equal, next, ok, test, throws, turn, until } from './harness.js';
import { chatOf, connectedPair, enter } from './pair.js';

/** @typedef {import('../src/index.js').ConnectionEvent} ConnectionEvent */

test('connects, says over which kind of path, and tells the other side when it ends', async () => {
  const { ab, ba, a, close } = await connectedPair();
  equal([ab.state, ba.state], ['open', 'open']);
  equal(ab.id, ba.id, 'connection_id');
  const route = await ab.route();
  ok(route !== null && ['host', 'prflx'].includes(route.type), `a path within one machine, not ${route?.type}`);
  equal(a.connections.get('b') === ab, true);
  equal(a.dial('b') === ab, true, 'dialling again gives the same');
  const over = next(ba, 'state');
  ab.close();
  await over;
  equal([ba.state, ba.error instanceof ConnectionClosed], ['closed', true]);
  equal(a.connections.size, 0);
  close();
});

test('signals carry one connection_id, and the end of candidates comes last', async () => {
  const { server, ab, close } = await connectedPair();
  const ended = () => server.received.filter(({ type, candidate }) => type === 'candidate' && candidate === null);
  await until(() => ended().length >= 2, 'both sides have told of the end of their candidates');
  for (const side of ['a', 'b']) {
    const said = server.received.filter(({ target }) => target === side);
    ok(said.length > 2, 'signals went out');
    ok(
      said.every(({ connection_id: id }) => id === ab.id),
      'one id',
    );
    equal(said[0]?.type, side === 'b' ? 'offer' : 'answer', 'the description first');
    equal(said.at(-1)?.candidate, null, 'the end last');
  }
  close();
});

test('candidates that come before the answer are kept', async () => {
  const server = new FakeServer();
  /** @type {any} */
  let answer = null;
  server.forward = (message) => {
    if (message.type === 'answer') {
      answer = message;
      return null;
    }
    // The answer is let go only after all of the answerer's candidates.
    return message.sender === 'b' && message.candidate === null ? [message, answer] : message;
  };
  const [a, b] = await Promise.all([enter(server, 'a'), enter(server, 'b')]);
  const ab = await a.connect('b');
  equal(ab.state, 'open');
  await until(() => Object.keys(ab.report().remoteCandidates).length > 0, 'the candidates are applied');
  a.close();
  b.close();
});

test('both dial at once: one connection, whoever gives way', async () => {
  const server = new FakeServer();
  const [a, b] = await Promise.all([enter(server, 'a'), enter(server, 'b')]);
  const [ab, ba] = await Promise.all([a.connect('b'), b.connect('a')]);
  equal(ab.id, ba.id, 'one connection');
  await chatOf(ab).send('from a');
  await chatOf(ba).send('from b');
  equal([await chatOf(ba).receive(), await chatOf(ab).receive()], ['from a', 'from b']);
  equal(server.received.filter(({ type }) => type === 'offer').length, 2, 'both had offered');
  equal(
    server.received.filter(({ type }) => type === 'answer').map(({ target }) => target),
    ['b'],
    'the smaller id answered',
  );
  a.close();
  b.close();
});

test('signals without, or with another, connection_id', async () => {
  const server = new FakeServer();
  server.forward = ({ connection_id: _, ref: __, ...old }) => old;
  const [a, b] = await Promise.all([enter(server, 'a'), enter(server, 'b')]);
  const ab = await a.connect('b');
  server.tell('a', { type: 'quit', sender: 'b', target: 'a', connection_id: 'of-an-older-one' });
  await turn();
  equal(ab.state, 'open', 'after a quit of an older connection');
  server.tell('a', { type: 'quit', sender: 'b', target: 'a' });
  await next(ab, 'state');
  equal(ab.state, 'closed', 'after a quit of the current one');
  a.close();
  b.close();
});

test('a server of level 2 is told what became of an attempt', async () => {
  const server = new FakeServer();
  server.level = 2;
  const [a, b] = await Promise.all([enter(server, 'a', { connections: { deadlineMs: 3000 } }), enter(server, 'b')]);
  const ab = await a.connect('b');
  await until(() => server.reports.length === 2, 'both say that they are connected');
  ok(server.reports.every(({ state, took_ms }) => state === 'connected' && Number(took_ms) > 0), 'and how long it took');
  ab.close();
  server.forward = (message) => (message.type === 'answer' ? null : message);
  await throws(a.connect('b'), ConnectTimeout);
  await until(() => server.reports.length > 2, 'it failed');
  equal(server.reports[2], { type: 'report', peer_id: 'b', state: 'failed', took_ms: server.reports[2]?.took_ms });
  a.close();
  b.close();
});

test('a deadline ends the attempt and says what was tried', async () => {
  const server = new FakeServer();
  server.forward = (message) => (message.type === 'answer' ? null : message);
  const [a, b] = await Promise.all([enter(server, 'a', { connections: { deadlineMs: 300 } }), enter(server, 'b')]);
  const error = await throws(a.connect('b'), ConnectTimeout);
  equal(error.code, 'CONNECT_TIMEOUT');
  equal([error.report.peerId, error.report.answered, error.report.iceServers], ['b', false, 0]);
  ok(error.report.elapsedMs >= 290, 'it waited');
  ok(error.message.includes('the peer never answered'), error.message);
  ok(!/\d+\.\d+\.\d+\.\d+/.test(JSON.stringify(error.report)), 'no addresses');
  await until(() => server.received.at(-1)?.type === 'quit', 'the other side is told');
  equal(server.reports, [], 'this server is of level 1');
  a.close();
  b.close();
});

test('an absent peer, a busy worker, a senseless description', async () => {
  const server = new FakeServer();
  const a = await enter(server, 'a');
  await throws(a.connect('nobody'), PeerNotFound);

  const worker = await enter(server, 'worker');
  server.forward = (message) =>
    message.type === 'offer'
      ? {
          type: 'error',
          target: 'a',
          sender: 'worker',
          code: 'WORKER_BUSY',
          reason: 'worker_busy',
          connection_id: message.connection_id,
        }
      : null;
  const busy = await throws(a.connect('worker'), PeerRefused);
  equal(busy.code, 'WORKER_BUSY');

  server.forward = (message) =>
    message.type === 'offer' ? { ...message, type: 'answer', target: 'a', sender: 'worker', sdp: 'v=nonsense' } : null;
  await throws(a.connect('worker'), DescriptionRefused);
  a.close();
  worker.close();
});

test('a connect can be called off', async () => {
  const server = new FakeServer();
  server.forward = () => null;
  const [a, b] = await Promise.all([enter(server, 'a'), enter(server, 'b')]);
  const abort = new AbortController();
  const connecting = a.connect('b', { signal: abort.signal });
  abort.abort(new RangeError('never mind'));
  await throws(connecting, RangeError);
  equal(a.connections.size, 0);
  a.close();
  b.close();
});

test('a connect that is called off ends nobody else\'s', async () => {
  const server = new FakeServer();
  const [a, b] = await Promise.all([enter(server, 'a'), enter(server, 'b')]);
  const abort = new AbortController();
  const [first, second] = [a.connect('b', { signal: abort.signal }), a.connect('b')];
  abort.abort(new RangeError('never mind'));
  await throws(first, RangeError);
  const ab = await second;
  await throws(a.connect('b', { signal: abort.signal }), RangeError);
  equal([ab.state, a.connections.get('b') === ab], ['open', true], 'the one that there is');
  ab.close();
  server.forward = () => null;
  const dialled = a.dial('b');
  await throws(a.connect('b', { signal: abort.signal }), RangeError);
  equal(dialled.state, 'connecting', 'one that was not begun for those who wait');
  a.close();
  b.close();
});

test('an attempt ends with the last one who waits for it', async () => {
  const server = new FakeServer();
  server.forward = () => null;
  const [a, b] = await Promise.all([enter(server, 'a'), enter(server, 'b')]);
  const aborts = [new AbortController(), new AbortController()];
  const waits = aborts.map(({ signal }) => throws(a.connect('b', { signal }), RangeError));
  for (const [index, abort] of aborts.entries()) {
    equal(a.connections.size, 1);
    abort.abort(new RangeError('never mind'));
    await waits[index];
  }
  equal(a.connections.size, 0);
  a.close();
  b.close();
});

test('a peer may call the types of its candidates anything', async () => {
  const server = new FakeServer();
  const [a, b] = await Promise.all([enter(server, 'a'), enter(server, 'b')]);
  server.forward = (message) => {
    if (message.type !== 'answer') return message;
    const odd = ['constructor', '__proto__', 'x'.repeat(1000)].map((type) => ({
      ...message,
      ...{ type: 'candidate', sdp: undefined },
      candidate: { candidate: `candidate:1 1 udp 1 10.0.0.1 9 typ ${type}`, sdpMid: '0', sdpMLineIndex: 0 },
    }));
    return [...odd, message];
  };
  const ab = await a.connect('b');
  const { remoteCandidates } = ab.report();
  const known = ['host', 'srflx', 'prflx', 'relay', 'unknown', 'unusable'];
  ok(Object.entries(remoteCandidates).every(([type, count]) => known.includes(type) && count > 0), JSON.stringify(remoteCandidates));
  ok((remoteCandidates.unknown ?? 0) >= 3, 'they are counted');
  a.close();
  b.close();
});

test('a peer that comes back under its id gets a new connection, and the old one ends', async () => {
  const { server, b, ba, close } = await connectedPair();
  const incoming = /** @type {Promise<ConnectionEvent>} */ (next(b, 'connection'));
  const again = await enter(server, 'a');
  await again.connect('b');
  equal(ba.state, 'closed');
  equal((await (await incoming).connection.opened()).state, 'open');
  equal(b.connections.size, 1);
  again.close();
  close();
});

test('the other side closes while no server can say so; closing the chat alone closes nothing else', async () => {
  const { server, ab, ba, close } = await connectedPair();
  server.forward = () => null;
  chatOf(ba).close();
  await until(() => chatOf(ab).state === 'closed', 'the chat is over');
  const other = ab.openChannel('other');
  await other.opened;
  equal([ab.state, ba.state], ['open', 'open']);
  const over = next(ab, 'state');
  ba.close();
  await over;
  equal([ab.state, ab.error instanceof ConnectionClosed, other.state], ['closed', true, 'closed']);
  close();
});

test('senseless signals of a peer change nothing', async () => {
  const { server, ab, ba, close } = await connectedPair();
  const odd = [
    {},
    { sdp: 7 },
    { sdp: { type: 'offer', sdp: '' } },
    { candidate: 7 },
    { candidate: { candidate: 'x' } },
  ];
  for (const fields of odd) {
    for (const type of ['offer', 'answer', 'candidate', 'unheard-of']) {
      if (type === 'offer' && 'sdp' in fields === false) continue;
      server.tell('a', { type, sender: 'b', target: 'a', connection_id: ab.id, ...fields });
    }
  }
  await turn();
  await chatOf(ba).send('still here');
  equal(await chatOf(ab).receive(), 'still here');
  close();
});

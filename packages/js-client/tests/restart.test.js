import { ConnectionLost } from '../src/index.js';
import { breakable } from './breakable.js';
import { FakeServer } from './fake-server.js';
import { equal, ok, test, turn, until } from './harness.js';
import { chatOf, connectedPair, state } from './pair.js';

for (const [who, breaks] of /** @type {[string, number[]][]} */ ([
  ['who dialled', [0]],
  ['who was dialled', [1]],
  ['both at once', [0, 1]],
])) {
  test(`a path that breaks is looked for anew: ${who}`, async () => {
    const { made, RTCPeerConnection } = breakable();
    const server = new FakeServer(2);
    const { ab, ba, close } = await connectedPair({ connections: { RTCPeerConnection } }, server);
    const before = made.map(({ credentials }) => credentials);
    const offers = server.heard('offer').length;
    for (const index of breaks) made[index]?.say(true);
    equal(breaks.map((index) => [ab, ba][index]?.state), breaks.map(() => 'disconnected'));
    await chatOf(ab).send('while it heals');
    equal(await chatOf(ba).receive(), 'while it heals');
    const isNew = () => made.every((pc, i) => pc.credentials.every((each) => !before[i]?.includes(each)));
    await until(() => isNew() && made.every((pc) => pc.signalingState === 'stable'), 'both ends have new credentials');
    const [first, second] = made;
    equal(first?.credentials, second?.credentials.reverse(), 'the same at both ends');
    await until(() => made.every((pc) => pc.iceConnectionState === 'connected'), 'and a path');
    for (const index of breaks) made[index]?.say(false);
    equal([ab.state, ba.state, made.length], ['open', 'open', 2]);
    equal(server.heard('offer').length - offers, breaks.length, 'offers');
    ok(
      [ab, ba].every((connection) => (connection.report().remoteCandidates.unusable ?? 0) === 0) || breaks.length > 1,
      'every candidate was of use',
    );
    await chatOf(ba).send('after');
    equal(await chatOf(ab).receive(), 'after');
    close();
  });
}

test('a path that does not heal ends the connection', async () => {
  const { made, RTCPeerConnection } = breakable();
  const { ab, close } = await connectedPair({ connections: { RTCPeerConnection, healDeadlineMs: 200 } });
  const over = state(ab, 'failed');
  made[0]?.say(true);
  ok((await over).error instanceof ConnectionLost, 'says why');
  close();
});

test('a peer that cannot do that is not asked to', async () => {
  const { made, RTCPeerConnection } = breakable();
  const server = new FakeServer();
  server.forward = ({ ice_restart: _, ...message }) => ({ ...message, sdp: message.sdp?.replace(/a=heliograph-.*\r\n/, '') });
  const { ab, close } = await connectedPair({ connections: { RTCPeerConnection } }, server);
  const offers = server.heard('offer').length;
  await until(() => made[0]?.connectionState === 'connected', 'the path is reported, too');
  made[0]?.say(true);
  equal([ab.state, ab.restartIce()], ['disconnected', false]);
  made[0]?.say(false);
  equal([ab.state, server.heard('offer').length], ['open', offers]);
  close();
});

test('an offer that comes when its connection is over begins no other', async () => {
  const server = new FakeServer(2);
  const { b, ab, ba, close } = await connectedPair({}, server);
  const [offer] = server.heard('offer');
  let connections = 0;
  b.on('connection', () => (connections += 1));
  server.forward = (message) => (message.type === 'quit' ? [message, { ...offer, ...message, type: 'offer' }, message] : message);
  const over = state(ba, 'closed');
  ab.close();
  await over;
  await until(() => server.heard('quit').length === 1, 'the server has it');
  await turn();
  equal([connections, b.connections.size], [0, 0]);
  server.forward = (message) => message;
  close();
});

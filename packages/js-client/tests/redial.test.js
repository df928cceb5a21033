import { ConnectionLost, RpcError } from '../src/index.js';
import { breakable } from './breakable.js';
import { FakeServer } from './fake-server.js';
import { equal, next, ok, test, throws, until } from './harness.js';
import { chatOf, connectedPair, state } from './pair.js';

/** Two peers that can do no ICE restart, as those of the Python SDK. @param {import('./pair.js').ConnectOptions['connections']} [options] */
async function redialling(options) {
  const { made, RTCPeerConnection } = breakable();
  const server = new FakeServer(2);
  server.forward = ({ ice_restart: _, ...message }) => message;
  const pair = await connectedPair({ connections: { RTCPeerConnection, ...options } }, server);
  return { ...pair, made };
}

/** @param {EventTarget} connection @returns {Promise<import('../src/channel.js').Channel>} */
async function nextChannel(connection) {
  return /** @type {import('../src/index.js').ChannelEvent} */ (await next(connection, 'channel')).channel;
}

test('a path that breaks is made anew, and the channels go on over it', async () => {
  const { ab, ba, made, close } = await redialling();
  const arriving = [nextChannel(ba), nextChannel(ab)];
  const [mine, theirs] = [ab.openChannel('mine', { ordered: false, maxRetransmits: 3 }), ba.openChannel('theirs')];
  await Promise.all([mine.send('1'), theirs.send('1')]);
  const [mineThere, theirsHere] = await Promise.all(arriving);
  equal([await mineThere?.receive(), await theirsHere?.receive()], ['1', '1']);
  const back = Promise.all([state(ab, 'open'), state(ba, 'open')]);
  const noticed = state(ba, 'disconnected');
  made[0]?.say(true);
  equal(ab.state, 'disconnected');
  await noticed; // what the other side sends before that may be lost
  const sent = [mine, theirs, chatOf(ab), chatOf(ba)].map((channel) => channel.send('2')); // while there is no path
  await back;
  await Promise.all(sent);
  const ends = [mineThere, theirsHere, chatOf(ba), chatOf(ab)];
  equal(await Promise.all(ends.map((channel) => channel?.receive({ timeoutMs: 5000 }))), ['2', '2', '2', '2']);
  equal([made.length, made[0]?.signalingState, made[1]?.signalingState], [4, 'closed', 'closed']);
  equal([ab.channel('mine') === mine, ba.channel('theirs') === theirs], [true, true], 'the same channels');
  equal([mineThere?.init.maxRetransmits, mineThere?.init.ordered], [3, false]);
  ab.close();
  await until(() => ba.isOver, 'the other side has heard of the end');
  equal([ba.state, mineThere?.state], ['closed', 'closed']);
  close();
});

test('who was dialled waits for the other side to dial again', async () => {
  const { ab, ba, made, close } = await redialling();
  made[1]?.say(true);
  equal([ab.state, ba.state], ['open', 'disconnected']);
  const waiting = chatOf(ba).send('later');
  made[0]?.say(true);
  await Promise.all([state(ab, 'open'), state(ba, 'open'), waiting]);
  await until(() => chatOf(ab).state === 'open', 'the chat is open');
  await chatOf(ba).send('after');
  for (let text; text !== 'after'; ) text = await chatOf(ab).receive({ timeoutMs: 5000 });
  close();
});

test('it may break again, and while it is being made', async () => {
  const { ab, ba, server, made, close } = await redialling();
  for (let times = 1; times <= 3; times += 1) {
    const back = Promise.all([state(ab, 'open'), state(ba, 'open')]);
    made.at(-2)?.say(true);
    made.at(-1)?.say(true);
    await back;
    await chatOf(ab).send(`${times}`);
    equal(await chatOf(ba).receive({ timeoutMs: 5000 }), `${times}`);
  }
  equal(server.heard('offer').length, 4);
  close();
});

test('a call under way is interrupted, the next one is not; a file goes on', async () => {
  const { b, ab, ba, made, close } = await redialling();
  b.serve('wait', () => new Promise(() => {}));
  b.serve('add', ([x, y]) => x + y);
  const interrupted = throws(ab.call('wait'), RpcError);
  await until(() => made.length === 2 && ab.state === 'open', 'it is open');
  equal(await ab.call('add', [1, 2]), 3);
  const receiving = ba.receiveFiles();
  const content = new Uint8Array(9_000_000).map((_, i) => i * 7);
  let broke = false;
  const onProgress = () => {
    if (!broke) made[0]?.say(true);
    broke = true;
  };
  const receipt = await ab.sendFile(new File([content], 'a.bin'), { onProgress });
  const { value } = await receiving.next();
  equal([broke, value?.sha256 === receipt.sha256, value?.size], [true, true, content.length]);
  ok((value?.resumedAt ?? 0) > 0, 'not all of it went twice');
  equal((await interrupted).code, 'CALL_INTERRUPTED');
  equal(await ab.call('add', [3, 4]), 7);
  close();
});

test('a peer that knows nothing of the connection has none of its channels any more', async () => {
  const { server, ab, ba, made, close } = await redialling();
  const arriving = nextChannel(ab);
  await ba.openChannel('theirs').send('x');
  const theirs = await arriving;
  equal(await theirs.receive(), 'x');
  server.forward = ({ ice_restart: _, ...message }) => ({ ...message, sdp: message.sdp?.replace(' kept', ' new') });
  const back = state(ab, 'open');
  made[0]?.say(true);
  await back;
  equal(theirs.state, 'closed');
  await throws(theirs.send('y'), ConnectionLost);
  await chatOf(ab).send('still there');
  equal(await chatOf(ba).receive({ timeoutMs: 5000 }), 'still there');
  close();
});

test('a connection that was ended is not dialled again', async () => {
  const { server, ab, ba, made, close } = await redialling();
  server.forward = ({ ice_restart: _, ...message }) => (message.type === 'quit' ? null : message);
  made[1]?.close(); // before it can say so over the path
  ba.close();
  const failed = state(ab, 'failed');
  made[0]?.say(true);
  ok((await failed).error instanceof ConnectionLost, 'says why');
  equal(server.heard('error').map(({ code }) => code), ['CONNECTION_CLOSED']);
  close();
});

for (const side of [0, 1]) {
  test(`without another path it is over in time for who ${side === 0 ? 'dials' : 'waits'}`, async () => {
    const { server, ab, ba, made, close } = await redialling({ healDeadlineMs: 300 });
    server.forward = (message) => (message.type === 'offer' ? null : message);
    const mine = side === 0 ? ab : ba; // the other side would hear of the end: its path is not broken in truth
    const over = state(mine, 'failed');
    const waiting = throws(chatOf(mine).receive().then(() => chatOf(mine).send('x')), Error);
    made[side]?.say(true);
    ok((await over).error instanceof ConnectionLost, 'says why');
    await waiting;
    close();
  });
}

import { ChannelFormatError, FrameTooBig } from '../src/index.js';
import { equal, next, ok, test, throws, until } from './harness.js';
import { chatOf, connectedPair } from './pair.js';

const MIB = 1024 * 1024;

/** A channel that `from` opened, and its other end. @param {any} from @param {any} to @param {RTCDataChannelInit} [init] */
async function bothEnds(from, to, init) {
  const arriving = next(to, 'channel');
  const here = from.openChannel('data', init);
  return { here, there: /** @type {import('../src/index.js').ChannelEvent} */ (await arriving).channel };
}

/** @param {number} length */
function bytes(length) {
  return new Uint8Array(length).map((_, i) => (i * 31 + (i >> 8)) & 255);
}

/** @param {Uint8Array} a @param {unknown} b */
function isSame(a, b) {
  return b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i]);
}

test('messages of up to 16 MiB go through, in order, both ways', async () => {
  const { ab, ba, close } = await connectedPair();
  const { here, there } = await bothEnds(ab, ba);
  for (const [from, to] of [[here, there], [there, here]]) {
    const [text, large] = ['☀ naïve '.repeat(100_000), bytes(16 * MIB)];
    const sending = Promise.all(['before', text, bytes(3), large, 'after'].map((message) => from.send(message)));
    equal(await to.receive({ timeoutMs: 10_000 }), 'before');
    ok((await to.receive({ timeoutMs: 10_000 })) === text, 'a large text');
    ok(isSame(bytes(3), await to.receive({ timeoutMs: 10_000 })), 'bytes');
    ok(isSame(large, await to.receive({ timeoutMs: 20_000 })), 'large bytes');
    equal(await to.receive({ timeoutMs: 10_000 }), 'after');
    await sending;
  }
  await throws(here.send(new Uint8Array(16 * MIB + 1)), FrameTooBig);
  close();
});

test('bytes that look like a piece arrive as they are', async () => {
  const { ab, ba, close } = await connectedPair();
  const { here, there } = await bothEnds(ab, ba);
  const magic = new Uint8Array([0xf5, 0x48, 0x47, 0x73, 0x70, 0x6c, 0x69, 0x74]);
  for (const message of [magic, new Uint8Array([...magic, ...new Uint8Array(13)]), magic.subarray(0, 7)]) {
    await here.send(message);
    ok(isSame(message, await there.receive({ timeoutMs: 5000 })), `${message.length} bytes`);
  }
  close();
});

test('a channel with another protocol has frames as they are, and so has the chat', async () => {
  const { ab, ba, close } = await connectedPair();
  const { here, there } = await bothEnds(ab, ba, { protocol: 'my.own' });
  equal([here.protocol, there.protocol, chatOf(ab).protocol, ab.openChannel('other').protocol], ['my.own', 'my.own', '', 'heliograph.split.1']);
  const limit = Number(ab.pc.sctp?.maxMessageSize);
  for (const channel of [here, chatOf(ab)]) await throws(channel.send(new Uint8Array(limit + 1)), FrameTooBig);
  const hello = new Uint8Array([0xf5, 0x48, 0x47, 0x73, 0x70, 0x6c, 0x69, 0x74, ...new Uint8Array(13)]);
  await here.send(hello);
  ok(isSame(hello, await there.receive({ timeoutMs: 5000 })), 'no piece of anything');
  close();
});

test('pieces that break the format close the channel', async () => {
  const { ab, ba, close } = await connectedPair();
  const magic = [0xf5, 0x48, 0x47, 0x73, 0x70, 0x6c, 0x69, 0x74];
  for (const [what, rest] of /** @type {[string, number[]][]} */ ([
    ['no header', [1, 0, 0]],
    ['no such kind', [9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 7]],
    ['beyond its end', [2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 7]],
    ['too big', [2, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0, 7]],
    ['no UTF-8', [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0xff]],
  ])) {
    const arriving = next(ba, 'channel');
    const dc = ab.pc.createDataChannel('data', { protocol: 'heliograph.split.1' });
    const { channel } = /** @type {import('../src/index.js').ChannelEvent} */ (await arriving);
    await until(() => dc.readyState === 'open', 'it is open');
    dc.send(new Uint8Array([...magic, ...rest]));
    const error = await throws(channel.receive({ timeoutMs: 5000 }), ChannelFormatError);
    ok(error.code === 'CHANNEL_FORMAT', what);
  }
  close();
});

test('a message that is given up on its way is forgotten at the other side', async () => {
  const limits = { highWaterBytes: 128 * 1024, lowWaterBytes: 64 * 1024 };
  const { ab, ba, close } = await connectedPair({ connections: { channel: limits } });
  const { here, there } = await bothEnds(ab, ba);
  for (let times = 0; times < 17; times += 1) {
    const abort = new AbortController();
    const sending = here.send(new Uint8Array(16 * MIB), { signal: abort.signal });
    await until(() => here.bufferedAmount > 0, 'it is on its way');
    abort.abort(new RangeError('never mind'));
    await throws(sending, RangeError);
  }
  await here.send('after'); // more than 16 messages, and 32 MiB, would not be waited for
  equal(await there.receive({ timeoutMs: 10_000 }), 'after');
  close();
});

test('a channel of JSON values', async () => {
  const { ab, ba, close } = await connectedPair();
  const { here, there } = await bothEnds(ab, ba);
  const jobs = there.json((/** @type {any} */ value) => {
    if (typeof value?.name !== 'string') throw new TypeError('no job');
    return value;
  });
  const values = here.json();
  await values.send({ name: 'a', weights: [1, null] });
  equal(await jobs.receive({ timeoutMs: 5000 }), { name: 'a', weights: [1, null] });
  await values.send(7);
  await throws(jobs.receive({ timeoutMs: 5000 }), TypeError);
  for (const broken of ['{', new Uint8Array([123, 125])]) {
    await here.send(broken);
    await throws(jobs.receive({ timeoutMs: 5000 }), ChannelFormatError);
  }
  await jobs.send({ name: 'b' });
  await jobs.send({ name: 'c'.repeat(MIB) });
  jobs.close();
  const names = [];
  for await (const { name } of values) names.push(name.length);
  equal(names, [1, MIB]);
  equal(await values.receive(), undefined);
  close();
});

test('a channel by its label is the one that there is, whoever opened it', async () => {
  const { ab, ba, close } = await connectedPair();
  const { here, there } = await bothEnds(ab, ba);
  equal([ab.channel('data') === here, ba.channel('data') === there, ab.channel('chat') === ab.chat], [true, true, true]);
  here.close();
  ok(ab.channel('data') !== here, 'another one, once it is closed');
  close();
});

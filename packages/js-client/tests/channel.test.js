import { ChannelClosed, ChannelOverflow, FrameTooBig, SendStalled } from '../src/index.js';
import { Channel } from '../src/channel.js';
import { FakeServer } from './fake-server.js';
import { equal, ok, test, throws } from './harness.js';
import { chatOf, connectedPair } from './pair.js';

test('text and bytes arrive in order, as what they were sent as', async () => {
  const { ab, ba, close } = await connectedPair();
  await chatOf(ab).send('grüße ☀');
  await chatOf(ab).send(new Uint8Array([1, 2, 255]));
  await chatOf(ab).send('');
  equal(await chatOf(ba).receive(), 'grüße ☀');
  const bytes = await chatOf(ba).receive();
  ok(bytes instanceof Uint8Array, 'bytes are bytes');
  equal([.../** @type {Uint8Array} */ (bytes)], [1, 2, 255]);
  equal(await chatOf(ba).receive(), '');
  close();
});

test('iteration reads what came before it began and ends when the other side closes', async () => {
  const { ab, ba, close } = await connectedPair();
  for (const text of ['one', 'two', 'three']) await chatOf(ab).send(text);
  /** @type {unknown[]} */
  const got = [];
  for await (const frame of chatOf(ba)) {
    got.push(frame);
    if (got.length === 3) chatOf(ab).close();
  }
  equal(got, ['one', 'two', 'three']);
  equal(chatOf(ba).state, 'closed');
  await throws(chatOf(ba).send('late'), ChannelClosed);
  close();
});

test('send holds back at the high-water mark and goes on after the low one', async () => {
  const limits = { highWaterBytes: 256 * 1024, lowWaterBytes: 64 * 1024 };
  const { ab, ba, close } = await connectedPair({ connections: { channel: limits } });
  const channel = chatOf(ab);
  const chunk = new Uint8Array(64 * 1024);
  const chunks = 160;
  let highest = 0;
  const sending = (async () => {
    for (let i = 0; i < chunks; i++) {
      await channel.send(chunk);
      highest = Math.max(highest, channel.bufferedAmount);
    }
    await channel.drained();
    equal(channel.bufferedAmount, 0, 'buffered after drained()');
  })();
  for (let i = 0; i < chunks; i++) equal((await chatOf(ba).receive())?.length, chunk.length);
  await sending;
  ok(highest <= limits.highWaterBytes, `buffered ${highest} at most`);
  ok(highest > limits.lowWaterBytes, `the buffer is used: ${highest}`);
  close();
});

test('sends that nobody awaits keep their order', async () => {
  const { ab, ba, close } = await connectedPair({
    connections: { channel: { highWaterBytes: 4096, lowWaterBytes: 1024 } },
  });
  const numbers = Array.from({ length: 200 }, (_, i) => `${i}`.padStart(1000, '0'));
  void Promise.all(numbers.map((number) => chatOf(ab).send(number)));
  for (const number of numbers) equal(await chatOf(ba).receive(), number);
  close();
});

test('a frame that the other side cannot take is refused here', async () => {
  const server = new FakeServer();
  server.forward = (message) => {
    const { sdp } = /** @type {{ sdp?: string }} */ (message);
    return sdp ? { ...message, sdp: sdp.replace(/a=max-message-size:\d+/, 'a=max-message-size:262144') } : message;
  };
  const { ab, ba, close } = await connectedPair({}, server);
  await throws(chatOf(ab).send(new Uint8Array(262_145)), FrameTooBig);
  await chatOf(ab).send('still open');
  equal(await chatOf(ba).receive(), 'still open');
  close();
});

test('a channel whose buffer does not move is an error, not a wait for ever', async () => {
  const dc = new StuckDataChannel();
  const channel = new Channel(/** @type {any} */ (dc), /** @type {any} */ ({ sctp: null }), {
    highWaterBytes: 10,
    lowWaterBytes: 5,
    stallTimeoutMs: 20,
  });
  await channel.send('12345678');
  await throws(channel.send('12345678'), SendStalled);
  await throws(channel.send('x', { signal: AbortSignal.abort(new RangeError('stop')) }), RangeError);
});

test('what nobody reads is bounded', async () => {
  const dc = new StuckDataChannel();
  const channel = new Channel(/** @type {any} */ (dc), /** @type {any} */ ({ sctp: null }), { inboxBytes: 1000 });
  for (let i = 0; i < 3; i++) dc.dispatchEvent(new MessageEvent('message', { data: 'x'.repeat(400) }));
  await throws(channel.receive(), ChannelOverflow);
  equal(dc.readyState, 'closed');
});

test('a wait to receive ends with its AbortSignal', async () => {
  const { ab, close } = await connectedPair();
  const abort = new AbortController();
  const waiting = chatOf(ab).receive({ signal: abort.signal });
  abort.abort(new RangeError('enough'));
  await throws(waiting, RangeError);
  close();
});

test('a send that waits for its turn, or for room, ends with its AbortSignal and sends nothing', async () => {
  const dc = new StuckDataChannel();
  const limits = { highWaterBytes: 10, lowWaterBytes: 5 };
  const channel = new Channel(/** @type {any} */ (dc), /** @type {any} */ ({ sctp: null }), limits);
  await channel.send('12345678');
  const [first, second] = [new AbortController(), new AbortController()];
  const waiting = channel.send('for room', { signal: first.signal });
  const queued = channel.send('for its turn', { signal: second.signal });
  const drained = channel.drained({ signal: second.signal });
  second.abort(new RangeError('enough'));
  await throws(queued, RangeError);
  await throws(drained, RangeError);
  first.abort(new TypeError('enough'));
  await throws(waiting, TypeError);
  const last = channel.send('last');
  dc.bufferedAmount = 0;
  dc.dispatchEvent(new Event('bufferedamountlow'));
  await last;
  equal(dc.bufferedAmount, 'last'.length);
});

class StuckDataChannel extends EventTarget {
  label = 'stuck';
  readyState = 'open';
  bufferedAmount = 0;

  /** @param {string} data */
  send(data) {
    this.bufferedAmount += data.length;
  }

  close() {
    this.readyState = 'closed';
  }
}

test('a channel is closed as soon as the browser says so, before the event', async () => {
  const dc = new (class extends EventTarget {
    label = 'x';
    readyState = 'open';
    bufferedAmount = 0;
    send() {
      throw new DOMException('not open', 'InvalidStateError');
    }
  })();
  const channel = new Channel(/** @type {any} */ (dc), /** @type {any} */ ({ sctp: null }));
  equal(channel.state, 'open');
  const sending = channel.send('x');
  dc.readyState = 'closing';
  equal(channel.state, 'closed');
  await throws(sending, ChannelClosed);
  await throws(channel.send('y'), ChannelClosed);
});

import { RpcError } from '../src/index.js';
import { RPC_PROTOCOL } from '../src/split-frames.js';
import { equal, ok, test, throws, until } from './harness.js';
import { connectedPair } from './pair.js';

/** @param {Promise<unknown>} call @param {string} code */
async function fails(call, code) {
  const error = await throws(call, RpcError);
  equal(error.code, code);
  return error;
}

test('calls: results, failures, many at once, both ways', async () => {
  const { a, b, ab, ba, close } = await connectedPair();
  b.serve('add', ([x, y], { named }) => x + y + (named.more ?? 0));
  b.serve('refuse', () => {
    throw new RpcError('NOT_TODAY', 'Come back tomorrow');
  });
  a.serve('add', () => 'for all');
  ab.serve('add', async (_args, { connection }) => `for ${connection.peerId}`);
  equal(await ab.call('add', [1, 2], { named: { more: 10 } }), 13);
  equal(await ba.call('add'), 'for b');
  equal(await Promise.all(Array.from({ length: 150 }, (_, i) => ab.call('add', [i, 1]))), Array.from({ length: 150 }, (_, i) => i + 1));
  const error = await fails(ab.call('refuse'), 'NOT_TODAY');
  equal([error.message, error.peerId], ['Come back tomorrow', 'b']);
  await fails(ab.call('nothing'), 'METHOD_NOT_FOUND');
  await fails(ab.stream('add').next(), 'WRONG_KIND');
  close();
});

test('an error that is not meant for the caller is kept from it', async () => {
  const { b, ab, close } = await connectedPair();
  const reported = new Promise((resolve) => {
    addEventListener('error', (event) => (event.preventDefault(), resolve(event.error)), { once: true });
  });
  b.serve('break', () => {
    throw new RangeError('inner workings');
  });
  const error = await fails(ab.call('break'), 'HANDLER_FAILED');
  ok(!error.message.includes('inner'), error.message);
  ok((await reported) instanceof RangeError, 'its own side is told');
  close();
});

test('a stream, read slowly, is held back; left, it is stopped', async () => {
  const { b, ab, close } = await connectedPair();
  let made = 0;
  let stopped = false;
  b.serve('count', async function* ([to, size]) {
    try {
      for (; made < to; made += 1) yield [made, 'x'.repeat(size)];
    } finally {
      stopped = true;
    }
  });
  const got = [];
  for await (const [number] of ab.stream('count', [200, 10])) got.push(number);
  equal([got.length, got.at(-1), stopped], [200, 199, true]);
  made = 0;
  stopped = false;
  for await (const [number] of ab.stream('count', [1000, 50_000])) {
    if (number === 0) await until(() => made >= 20, 'as far as the credit goes');
    ok(made - number < 45, `${made} were made when ${number} was read`);
    if (number === 100) break;
  }
  await until(() => stopped, 'the method has stopped');
  close();
});

test('a signal cancels the method at the other side; so does time', async () => {
  const { b, ab, close } = await connectedPair();
  let started = 0;
  let stopped = 0;
  b.serve('wait', (_args, { signal }) => new Promise((_, reject) => (started += 1, signal).addEventListener('abort', () => {
    stopped += 1;
    reject(signal.reason);
  })));
  const abort = new AbortController();
  const call = ab.call('wait', [], { signal: abort.signal });
  await until(() => started === 1, 'it runs');
  abort.abort(new RangeError('never mind'));
  await throws(call, RangeError);
  await fails(ab.call('wait', [], { timeoutMs: 50 }), 'CALL_TIMEOUT');
  await until(() => stopped === 2, 'both have stopped');
  const left = ab.call('wait');
  await until(() => ab.state === 'open', 'it is open');
  setTimeout(() => b.close(), 50);
  await fails(left, 'CALL_INTERRUPTED');
  await until(() => stopped === 3, 'the last has, too');
  close();
});

test('more calls than are taken are refused, those that wait are not', async () => {
  const { b, ab, close } = await connectedPair();
  /** @type {(() => void)[]} */
  const pending = [];
  b.serve('wait', () => new Promise((resolve) => pending.push(() => resolve(1))));
  const calls = Array.from({ length: 161 }, () => ab.call('wait').catch((error) => error.code));
  equal(await calls[160], 'TOO_MANY_CALLS');
  equal(pending.length, 32, 'run at once');
  for (let done = 0; done < 160; done += 1) {
    await until(() => pending.length > 0, 'the next runs');
    pending.shift()?.();
  }
  equal(await Promise.all(calls.slice(0, 160)), Array.from({ length: 160 }, () => 1));
  close();
});

test('large arguments and results go in pieces', async () => {
  const { b, ab, close } = await connectedPair();
  b.serve('double', ([text]) => text + text);
  const text = 'naïve ☀ '.repeat(100_000);
  ok((await ab.call('double', [text])) === text + text, 'as it was');
  await throws(ab.call('double', ['x'.repeat(17 * 1024 * 1024)]), Error);
  equal(await ab.call('double', ['x']), 'xx');
  close();
});

test('a channel on which nonsense is said is closed', async () => {
  const { ab, close } = await connectedPair();
  const magic = [0xf5, 0x48, 0x47, 0x73, 0x70, 0x6c, 0x69, 0x74];
  const piece = (/** @type {number[]} */ ...rest) => Uint8Array.from([...magic, ...rest]);
  const overlong = piece(1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 65, 65);
  const nonsense = ['{', '[]', '{"type":"call","id":-1}', '{"type":"call","id":0}', '{"type":"result","id":0}', Uint8Array.of(1), piece(9), overlong];
  for (const frame of nonsense) {
    const channel = ab.openChannel('rpc', { protocol: RPC_PROTOCOL });
    await channel.opened;
    await channel.send(frame);
    await until(() => channel.state === 'closed', `closed after ${frame}`);
  }
  close();
});

import { equal, ok, test, throws, until } from '../harness.js';
import { RpcError } from '../../src/index.js';
import { enter, newRoom, stage } from './room.js';

test('a Python worker and a page call each other', async () => {
  const { room } = await newRoom();
  await stage.worker?.(/** @type {any} */ (room));
  const here = await enter({ room }, 'here');
  here.serve('greet', ([name]) => `hello ${name}`);
  here.serve('rise', async function* ([to]) {
    for (let i = 0; i < to; i += 1) yield i;
  });
  const connection = await here.connect('worker');
  equal(await connection.call('add', [1], { named: { b: 2 } }), 3);
  equal(await connection.call('greet_back', ['Ann']), 'hello Ann');
  equal(await connection.call('sum_back', [100]), 4950);
  const text = 'naïve ☀ '.repeat(100_000);
  ok((await connection.call('echo', [text])) === text, 'a large one, both ways');
  const got = [];
  for await (const number of connection.stream('count', [300, 10_000])) got.push(number.length);
  equal([got.length, new Set(got).size, got[0]], [300, 1, 10_000]);
  equal((await throws(connection.call('add', ['one', 2]), RpcError)).code, 'INVALID_ARGUMENTS');
  equal((await throws(connection.call('none'), RpcError)).code, 'METHOD_NOT_FOUND');
  const abort = new AbortController();
  const waiting = connection.call('wait', [], { signal: abort.signal });
  let cancelled = 0;
  here.serve('cancelled', () => (cancelled += 1));
  await connection.call('add', [1, 1]);
  abort.abort(new RangeError('never mind'));
  await throws(waiting, RangeError);
  await until(() => cancelled === 1, 'the handler was cancelled');
  here.close();
  await stage.dismiss?.();
});

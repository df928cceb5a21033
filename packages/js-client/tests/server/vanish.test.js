import { equal, ok, test } from '../harness.js';
import { chatOf, state } from '../pair.js';
import { enter, newRoom, stage } from './room.js';

test('a page that crashes is noticed within 5 s', async () => {
  const { room } = await newRoom();
  const here = await enter({ room }, 'here');
  await stage.crashing?.(/** @type {any} */ (room));
  const connection = await here.connect('there');
  await chatOf(connection).send('hello');
  equal(await chatOf(connection).receive({ timeoutMs: 5000 }), 'hello');
  const noticed = state(connection, 'disconnected');
  const start = performance.now();
  await stage.crash?.();
  await noticed;
  const ms = performance.now() - start;
  ok(ms < 5000, `${ms} ms`);
  here.close();
});

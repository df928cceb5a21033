import { Api } from '../../src/api.js';
import { RequestRefused } from '../../src/index.js';
import { equal, next, ok, test } from '../harness.js';
import { state } from '../pair.js';
import { enter, stage } from './room.js';

/** In which a token that is about to end has to be used, and renewed. */
const LEFT_S = 6;
const DAY_S = 86_400;
const LOOK_MS = 200;

/** @param {string} idToken */
function apiOf(idToken) {
  return new Api(location.origin, { idToken });
}

/** Resolves when the server does not take a token any more. @param {string} idToken */
async function ended(idToken) {
  for (;;) {
    try {
      await apiOf(idToken).rooms().next();
    } catch (error) {
      if (error instanceof RequestRefused && error.status === 401) return;
      throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

test('a page that stays for longer than its id token lasts is the same user, after a restart and a reload too', async () => {
  const room = await apiOf(await stage.aged?.(DAY_S)).createRoom();
  /** @type {string} */
  const old = await stage.aged?.(LEFT_S);
  const a = await enter({ room }, 'a', { idToken: old });
  const { idToken } = /** @type {import('../../src/session.js').SessionEvents['idtoken']} */ (await next(a, 'idtoken'));
  ok(idToken !== old, 'it is another one');
  await ended(old);
  const back = state(a, 'online');
  await stage.restart?.();
  await back;
  equal(await a.peers(), []);
  const again = await enter({ room }, 'a', { ticket: a.suspend() });
  equal([again.resumed, again.idToken === idToken], [true, true]);
  equal((await apiOf(idToken).room(room.roomId)).token, room.token, 'which only the user who made it is told');
  again.close();
});

import { Api } from '../src/api.js';
import * as heliograph from '../src/index.js';
import { equal, ok, test, throws } from './harness.js';

/** @typedef {{ path: string, body: unknown, authorization: string | null }} Call */

/**
 * @param {number} status
 * @param {unknown} reply
 * @param {HeadersInit} [headers]
 */
function answering(status, reply, headers = {}) {
  /** @type {Call[]} */
  const calls = [];
  /** @type {typeof globalThis.fetch} */
  const fetch = async (input, init) => {
    const authorization = new Headers(init?.headers).get('Authorization');
    const url = new URL(String(input));
    const body = init?.body === undefined ? null : JSON.parse(String(init.body));
    calls.push({ path: url.pathname + url.search, body, authorization });
    return new Response(JSON.stringify(reply), { status, headers });
  };
  return { fetch, calls };
}

test('the three calls', async () => {
  const signIn = answering(200, { id_token: 'jwt', username: 'anon' });
  equal(await heliograph.signIn('http://h:1', signIn), { idToken: 'jwt', username: 'anon' });
  equal(signIn.calls, [{ path: '/anonymous-signin', body: {}, authorization: null }]);

  const create = answering(200, { room_id: 'r', token: 't', expires_at: 7 });
  equal(await heliograph.createRoom('http://h:1', 'jwt', create), { roomId: 'r', token: 't', expiresAt: 7 });
  equal(create.calls, [{ path: '/create-room', body: {}, authorization: 'Bearer jwt' }]);

  const remove = answering(200, { status: 'peer not found' });
  equal(await new Api('http://h:1', { idToken: 'jwt' }).deletePeersAndRoom('p', { roomId: 'r', ...remove }), 'peer not found');
  equal(remove.calls, [
    { path: '/delete-peers-and-room', body: { peer_id: 'p', room_id: 'r' }, authorization: 'Bearer jwt' },
  ]);
});

test('what runs out', async () => {
  const api = new Api('http://h:1', { idToken: 'jwt' });
  const renew = answering(200, { id_token: 'next', username: 'anon' });
  equal(await api.renew(renew), { idToken: 'next', username: 'anon' });
  equal(renew.calls, [{ path: '/api/id-token', body: {}, authorization: 'Bearer jwt' }]);
  await throws(api.renew(answering(200, { username: 'anon' })), heliograph.HeliographError);
  const ice = answering(200, { ice_servers: [{ urls: ['turn:h'], username: '7:u' }], ttl_s: 60 });
  equal(await api.iceServers(ice), { iceServers: [{ urls: ['turn:h'], username: '7:u' }], ttlS: 60 });
  equal(ice.calls, [{ path: '/api/ice-servers', body: null, authorization: 'Bearer jwt' }]);
});

test('a refusal says what the server said', async () => {
  const limited = answering(429, { detail: 'Too many' }, { 'Retry-After': '12' });
  const error = await throws(heliograph.signIn('http://h:1', limited), heliograph.RequestRefused);
  equal([error.status, error.code, error.message, error.retryAfterS], [429, 'RATE_LIMITED', 'Too many', 12]);
});

test('no server, a reply without the field, an aborted call', async () => {
  const fetch = () => Promise.reject(new TypeError('Failed to fetch'));
  await throws(heliograph.signIn('http://h:1', { fetch }), heliograph.ServerUnreachable);
  await throws(heliograph.signIn('http://h:1', answering(200, { id_token: 7 })), heliograph.HeliographError);
  const signal = AbortSignal.abort(new RangeError('no'));
  const hanging = () => Promise.reject(signal.reason);
  await throws(heliograph.signIn('http://h:1', { signal, fetch: hanging }), RangeError);
});

test('the public names', () => {
  const functions = Object.keys(heliograph).filter((name) => name[0] === name[0]?.toLowerCase());
  equal(functions, ['connect', 'createRoom', 'signIn']);
  for (const [name, value] of Object.entries(heliograph)) ok(typeof value === 'function', name);
});

/**
 * What a session needs to stay: an id token and TURN credentials that do not run out, and a look at its socket after the device
 * was away. Loaded when it is in its room.
 */

import { ReplyTimeout } from './errors.js';
import { Credentials } from './credentials.js';
import { FreshIceServers } from './ice.js';
import { FreshIdToken } from './id-token.js';

/** How long the server may take to answer then. */
export const PROBE_MS = 4000;

/**
 * Until the session is closed.
 * @param {import('./session.js').Session} session
 * @param {import('./signaling.js').Signaling} signaling
 * @param {import('./identity.js').Identity} identity
 */
export function stay(session, signaling, identity) {
  const { core, network } = signaling;
  const idToken = new FreshIdToken(identity);
  const iceServers = new FreshIceServers(core, async () => new Credentials(identity.url, { idToken: await identity.get() }));
  const over = new AbortController();
  const follow = () => {
    if (session.state === 'closed') {
      idToken.stop();
      over.abort();
    } else idToken.look();
    if (session.state === 'online') iceServers.start();
    else iceServers.stop();
  };
  session.on('state', follow);
  follow();
  // After a sleep, or on another network, the socket may be dead without a word.
  const ask = async () => {
    const { socket } = signaling;
    if (session.state !== 'online' || globalThis.document?.hidden) return;
    await core.ask({ type: 'ping' }, { ms: PROBE_MS, always: true }).catch((error) => error instanceof ReplyTimeout && socket?.giveUp(PROBE_MS));
  };
  for (const type of ['online', 'visibilitychange']) network.addEventListener(type, ask, { signal: over.signal });
}

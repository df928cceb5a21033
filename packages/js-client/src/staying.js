/** What a session needs to stay: an id token and TURN credentials that do not run out. Loaded when it is in its room. */

import { Credentials } from './credentials.js';
import { FreshIceServers } from './ice.js';
import { FreshIdToken } from './id-token.js';

/**
 * Until the session is closed.
 * @param {import('./session.js').Session} session
 * @param {import('./core.js').Core} core
 * @param {import('./identity.js').Identity} identity
 */
export function stay(session, core, identity) {
  const idToken = new FreshIdToken(identity);
  const iceServers = new FreshIceServers(core, async () => new Credentials(identity.url, { idToken: await identity.get() }));
  const follow = () => {
    if (session.state === 'closed') idToken.stop();
    else idToken.look();
    if (session.state === 'online') iceServers.start();
    else iceServers.stop();
  };
  session.on('state', follow);
  follow();
}

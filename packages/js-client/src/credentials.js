/** The server's HTTP calls for what runs out. */

import { Http, text } from './http.js';
import { camel } from './peer.js';

/** @typedef {import('./http.js').CallOptions} CallOptions */

export class Credentials extends Http {
  /** Another id token for the same anonymous user, good for as long again; the old one counts until its own end.
   * @param {CallOptions} [options] @returns {Promise<import('./http.js').Identity>} */
  async renew(options) {
    const reply = await this.call('POST', '/api/id-token', {}, options);
    return { idToken: text(reply, 'id_token'), username: text(reply, 'username') };
  }

  /** With fresh credentials, good for `ttlS` seconds.
   * @param {CallOptions} [options] @returns {Promise<{ iceServers: RTCIceServer[], ttlS: number }>} */
  async iceServers(options) {
    return camel(await this.call('GET', '/api/ice-servers', undefined, options));
  }
}

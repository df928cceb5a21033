/** Who is in sight: the list that came with the registration, kept up to date by the server's news. */

import { peerOf } from './peer.js';

/** @typedef {'joined' | 'updated' | 'away' | 'back' | 'left'} PeerChange */
/** @typedef {{ change: PeerChange, peer: import('./peer.js').Peer, reason: string | null }} PeerNews */

const NEWS = /^peer_(joined|updated|away|back|left)$/;

/**
 * The others by their ids, without oneself.
 * @extends {Map<string, import('./peer.js').Peer>}
 */
export class Roster extends Map {
  /** This is everyone. @param {import('./protocol.js').Peer[]} peers */
  replace(peers) {
    this.clear();
    for (const peer of peers) this.set(peer.peer_id, peerOf(peer));
  }

  /** @param {import('./protocol.js').ServerMessage} message @returns {PeerNews | null} null if it is not about a peer */
  take(message) {
    const change = /** @type {PeerChange | undefined} */ (NEWS.exec(message.type)?.[1]);
    if (change === undefined || !('peer' in message)) return null;
    const peer = peerOf(message.peer);
    if (change === 'left') this.delete(peer.peerId);
    else this.set(peer.peerId, peer);
    return { change, peer, reason: 'reason' in message ? message.reason : null };
  }
}

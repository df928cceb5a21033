/** What a connection attempt got to, for the error that ends it. Holds counts and states, never addresses. */

/**
 * @typedef {object} ConnectReport
 * @property {string} peerId
 * @property {number} elapsedMs
 * @property {boolean} answered whether both descriptions are in place
 * @property {Record<string, number>} localCandidates how many of each type (host, srflx, prflx, relay) were gathered here
 * @property {Record<string, number>} remoteCandidates how many of each type the other side sent
 * @property {number} iceServers how many STUN and TURN servers there were to ask
 * @property {RTCIceConnectionState} iceState
 * @property {RTCIceGatheringState} gatheringState
 * @property {boolean} signalingLost whether the server was out of reach at some time during the attempt
 */

/**
 * @param {string} peerId @param {import('./negotiation.js').Negotiation} negotiation @param {number} startedAt
 * @param {boolean} signalingLost
 * @returns {ConnectReport}
 */
export function reportOf(peerId, { pc, answered, localCandidates, remoteCandidates }, startedAt, signalingLost) {
  return {
    ...{ peerId, answered, signalingLost },
    elapsedMs: Math.round(performance.now() - startedAt),
    localCandidates: { ...localCandidates },
    remoteCandidates: { ...remoteCandidates },
    iceServers: pc.getConfiguration().iceServers?.length ?? 0,
    iceState: pc.iceConnectionState,
    gatheringState: pc.iceGatheringState,
  };
}

/**
 * @param {string} candidate the candidate attribute (RFC 8839 section 5.1), which may have anything in it
 * @returns {string} its type
 */
export function candidateType(candidate) {
  return / typ (host|[sp]rflx|relay)\b/.exec(candidate)?.[1] ?? 'unknown';
}

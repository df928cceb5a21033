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
 * The report as half a sentence.
 * @param {ConnectReport} report
 * @returns {string}
 */
export function describe(report) {
  const parts = [
    report.answered ? 'the peer answered' : 'the peer never answered',
    `${counts(report.localCandidates)} here`,
    `${counts(report.remoteCandidates)} from there`,
    report.iceServers === 0 ? 'no STUN or TURN server' : `${report.iceServers} STUN or TURN server(s)`,
    `ICE ${report.iceState}`,
  ];
  if (report.gatheringState !== 'complete') parts.push(`gathering ${report.gatheringState}`);
  if (report.signalingLost) parts.push('the server was out of reach meanwhile');
  return parts.join(', ');
}

/** @param {Record<string, number>} candidates */
function counts(candidates) {
  const kinds = Object.entries(candidates).map(([type, count]) => `${count} ${type}`);
  return kinds.length === 0 ? 'no candidates' : `${kinds.join(' + ')} candidates`;
}

/**
 * @param {string | undefined} candidate the candidate attribute (RFC 8839 section 5.1)
 * @returns {string} its type
 */
export function candidateType(candidate) {
  return / typ (\w+)/.exec(candidate ?? '')?.[1] ?? 'unknown';
}

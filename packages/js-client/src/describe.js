/** What a connection attempt got to, in words. */

/** @typedef {import('./report.js').ConnectReport} ConnectReport */

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

/** Which candidate pair carries a connection. */

/** @typedef {'host' | 'srflx' | 'prflx' | 'relay'} CandidateType */
/**
 * @typedef {object} Route
 * @property {CandidateType} type of the path: the most roundabout of the two ends
 * @property {CandidateType} local
 * @property {CandidateType} remote
 * @property {string} protocol `udp` or `tcp`; for a relay, how this side reaches it
 * @property {number | null} roundTripMs
 */

/** From the straightest to the most roundabout. @type {CandidateType[]} */
const ORDER = ['host', 'prflx', 'srflx', 'relay'];

/**
 * @param {RTCPeerConnection} pc
 * @returns {Promise<Route | null>} null while there is none
 */
export async function selectedRoute(pc) {
  const stats = await pc.getStats();
  /** @type {Map<string, any>} */
  const byId = new Map();
  stats.forEach((entry) => byId.set(entry.id, entry));
  const entries = [...byId.values()];
  const transport = entries.find((entry) => entry.type === 'transport' && entry.selectedCandidatePairId);
  // Firefox has no transport entry and marks the pair itself.
  const pair = transport
    ? byId.get(transport.selectedCandidatePairId)
    : entries.find((entry) => entry.type === 'candidate-pair' && entry.selected);
  const local = byId.get(pair?.localCandidateId);
  const remote = byId.get(pair?.remoteCandidateId);
  if (!local || !remote) return null;
  const roundabout = Math.max(ORDER.indexOf(local.candidateType), ORDER.indexOf(remote.candidateType));
  return {
    type: ORDER[roundabout] ?? local.candidateType,
    local: local.candidateType,
    remote: remote.candidateType,
    protocol: local.relayProtocol ?? local.protocol,
    roundTripMs: typeof pair.currentRoundTripTime === 'number' ? pair.currentRoundTripTime * 1000 : null,
  };
}

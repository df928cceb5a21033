/** How well the path to a peer carries, once a second. */

const SAMPLE_MS = 1000;

/**
 * @typedef {object} End
 * @property {string} type of the candidate
 * @property {string} protocol
 * @property {string} address with its port; empty where the browser keeps it to itself
 */
/**
 * @typedef {object} Sample
 * @property {End} local
 * @property {End} remote
 * @property {number | null} roundTripMs
 * @property {number} sentPerS bytes
 * @property {number} receivedPerS bytes
 */

/**
 * Measures until the signal aborts, as long as the page can be seen.
 * @param {() => RTCPeerConnection | null} current the one to measure
 * @param {(sample: Sample) => void} onSample
 * @param {AbortSignal} signal
 */
export function measure(current, onSample, signal) {
  /** @type {{ pc: RTCPeerConnection, at: number, sent: number, received: number } | null} */
  let last = null;
  let timer = 0;
  const sample = async () => {
    const pc = document.hidden ? null : current();
    const pair = pc && selectedPair(await pc.getStats());
    if (signal.aborted) return;
    timer = setTimeout(() => void sample(), SAMPLE_MS);
    if (!pc || !pair) return void (last = null);
    const now = { pc, at: performance.now(), sent: pair.pair.bytesSent ?? 0, received: pair.pair.bytesReceived ?? 0 };
    const before = last?.pc === pc ? last : now;
    const seconds = Math.max(now.at - before.at, 1) / 1000;
    last = now;
    onSample({
      local: end(pair.local),
      remote: end(pair.remote),
      roundTripMs: typeof pair.pair.currentRoundTripTime === 'number' ? pair.pair.currentRoundTripTime * 1000 : null,
      sentPerS: Math.max(0, now.sent - before.sent) / seconds,
      receivedPerS: Math.max(0, now.received - before.received) / seconds,
    });
  };
  signal.addEventListener('abort', () => clearTimeout(timer));
  void sample();
}

/** @param {RTCStatsReport} stats @returns {{ pair: any, local: any, remote: any } | null} */
function selectedPair(stats) {
  /** @type {any[]} */
  const entries = [];
  stats.forEach((entry) => entries.push(entry));
  const transport = entries.find((entry) => entry.type === 'transport' && entry.selectedCandidatePairId);
  const pair = entries.find((entry) =>
    transport ? entry.id === transport.selectedCandidatePairId : entry.type === 'candidate-pair' && entry.selected,
  );
  const local = entries.find(({ id }) => id === pair?.localCandidateId);
  const remote = entries.find(({ id }) => id === pair?.remoteCandidateId);
  return local && remote ? { pair, local, remote } : null;
}

/** @param {any} candidate @returns {End} */
function end({ candidateType, protocol, relayProtocol, address, port }) {
  const host = String(address ?? '');
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return { type: candidateType, protocol: relayProtocol ?? protocol, address: host === '' ? '' : place };
}

/** Whether anything still comes over a connection: a peer that vanished says nothing, and a browser takes its time to notice. */

/** How often to look. */
export const LOOK_MS = 400;
/**
 * After so much silence, ask. Chrome checks a path that works every 2.5 s (RFC 7675), which is enough; Firefox does so every
 * 4 to 6 s.
 */
const ASK_AFTER_MS = 2600;
/** With the time between two looks, within 5 s. */
export const SILENCE_MS = 4000;
/** What is asked on: no program hears it, but its transport says that it came. See `heliograph_protocol.liveness`. */
const LIVENESS_LABEL = 'heliograph-liveness';
const LIVENESS = { negotiated: true, id: 1000, ordered: false, maxRetransmits: 0 };

export class Vigil {
  #pc;
  #onchange;
  #timer;
  #last = '';
  #asking;
  #count = 0;
  #heardAt = performance.now();
  #lookedAt = performance.now();
  /** Whether the last look found that nothing comes any more. */
  isSilent = false;

  /** @param {RTCPeerConnection} pc @param {() => void} onchange called when `isSilent` has changed
   * @param {RTCDataChannel | null} [asking] the channel to ask on, if there is one */
  constructor(pc, onchange, asking = null) {
    this.#pc = pc;
    this.#asking = asking;
    this.#onchange = onchange;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  stop() {
    clearInterval(this.#timer);
  }

  async #look() {
    if (this.#pc.connectionState !== 'connected') return;
    const heard = await received(this.#pc);
    const now = performance.now();
    const hasSlept = now - this.#lookedAt > SILENCE_MS; // this page, not the peer
    if (heard === null || heard !== this.#last || hasSlept) this.#heardAt = now;
    this.#lookedAt = now;
    this.#last = heard ?? '';
    if (now - this.#heardAt > ASK_AFTER_MS) this.#ask();
    const isSilent = now - this.#heardAt > SILENCE_MS;
    if (isSilent === this.isSilent) return;
    this.isSilent = isSilent;
    this.#onchange();
  }

  /** Sends something that has to be acknowledged. */
  #ask() {
    this.#asking ??= openLiveness(this.#pc);
    if (this.#asking.readyState === 'open') this.#asking.send(JSON.stringify({ type: 'ping', count: (this.#count += 1) }));
  }
}

/** @param {RTCPeerConnection} pc */
export function openLiveness(pc) {
  return pc.createDataChannel(LIVENESS_LABEL, LIVENESS);
}

/** Something that changes with everything that comes; null where the browser does not count that.
 * @param {RTCPeerConnection} pc @returns {Promise<string | null>} */
async function received(pc) {
  /** @type {any[]} */
  const pairs = [];
  (await pc.getStats()).forEach((entry) => entry.type === 'candidate-pair' && pairs.push(entry));
  const isCounted = pairs.some(({ responsesReceived, bytesReceived }) => (responsesReceived ?? bytesReceived) !== undefined);
  if (!isCounted) return null;
  return JSON.stringify(pairs.map(({ id, responsesReceived, bytesReceived }) => [id, responsesReceived, bytesReceived]));
}

/** Whether anything still comes over a connection: a peer that vanished says nothing, and a browser takes its time to notice. */

/** How often to look. */
export const LOOK_MS = 400;
/** A browser checks a path that works every 2.5 s, and twice a second once an answer is missing (RFC 7675). */
export const SILENCE_MS = 3500;

export class Vigil {
  #pc;
  #onchange;
  #timer;
  #last = '';
  #heardAt = performance.now();
  #lookedAt = performance.now();
  /** Whether the last look found that nothing comes any more. */
  isSilent = false;

  /** @param {RTCPeerConnection} pc @param {() => void} onchange called when `isSilent` has changed */
  constructor(pc, onchange) {
    this.#pc = pc;
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
    const isSilent = now - this.#heardAt > SILENCE_MS;
    if (isSilent === this.isSilent) return;
    this.isSilent = isSilent;
    this.#onchange();
  }
}

/** Something that changes with everything that comes; null where the browser does not count answers to its checks.
 * @param {RTCPeerConnection} pc @returns {Promise<string | null>} */
async function received(pc) {
  /** @type {any[]} */
  const pairs = [];
  (await pc.getStats()).forEach((entry) => entry.type === 'candidate-pair' && pairs.push(entry));
  const isCounted = pairs.some(({ responsesReceived }) => responsesReceived !== undefined);
  if (!isCounted) return null;
  return JSON.stringify(pairs.map(({ id, responsesReceived, bytesReceived }) => [id, responsesReceived, bytesReceived]));
}

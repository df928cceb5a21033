/** When each step of a handshake happened. The browser tells of every one, to whoever makes its connections. */

/** @typedef {{ name: string, at: number, count: number }} Step `at` is of `performance.now()`, of the first time */

/** The steps of one connection, in the order in which they happened. */
export class Trace extends EventTarget {
  beganAt = performance.now();
  /** Restarts of ICE after the first path. */
  restarts = 0;
  /** By its name; there are about twenty names. @type {Map<string, Step>} */
  #steps = new Map();

  /** @returns {Step[]} */
  get steps() {
    return [...this.#steps.values()].sort((a, b) => a.at - b.at);
  }

  /** @param {string} name */
  note(name) {
    const known = this.#steps.get(name);
    if (known) known.count += 1;
    else this.#steps.set(name, { name, at: performance.now(), count: 1 });
    this.dispatchEvent(new Event('step'));
  }
}

/** An RTCPeerConnection that keeps a trace of itself. */
export class TracedPeerConnection extends RTCPeerConnection {
  trace = new Trace();

  /** @param {RTCConfiguration} [configuration] */
  constructor(configuration) {
    super(configuration);
    this.addEventListener('icecandidate', ({ candidate }) => this.#found('local', candidate?.candidate));
    this.addEventListener('iceconnectionstatechange', () => {
      if (this.iceConnectionState === 'checking') this.trace.note('ice-checking');
      if (this.iceConnectionState === 'connected') this.trace.note('ice-connected');
    });
    this.addEventListener('connectionstatechange', () => {
      if (this.connectionState === 'connected') this.trace.note('dtls-connected');
    });
    this.addEventListener('datachannel', () => this.trace.note('channel-announced'));
  }

  /** @override @param {RTCLocalSessionDescriptionInit} [description] */
  async setLocalDescription(description) {
    await super.setLocalDescription(description);
    this.#described('local', this.localDescription?.type);
  }

  /** @override @param {RTCSessionDescriptionInit} description */
  async setRemoteDescription(description) {
    this.#described('remote', description.type);
    // Some peers send their candidates within the description.
    for (const [line] of (description.sdp ?? '').matchAll(/^a=candidate:.*/gm)) this.#found('remote', line);
    await super.setRemoteDescription(description);
    this.#watchDtls();
  }

  /** @override @param {RTCIceCandidateInit | null} [candidate] */
  async addIceCandidate(candidate) {
    this.#found('remote', candidate?.candidate);
    await super.addIceCandidate(candidate);
  }

  /** @override */
  restartIce() {
    this.trace.restarts += 1;
    super.restartIce();
  }

  /** @param {'local' | 'remote'} side @param {string | undefined} type */
  #described(side, type) {
    if (type === 'offer' || type === 'answer') this.trace.note(`${side}-${type}`);
  }

  /**
   * What a peer calls its candidates is up to the peer: only the types that there are become steps, so that these are few.
   * @param {'local' | 'remote'} side @param {string | undefined} candidate the attribute (RFC 8839 section 5.1)
   */
  #found(side, candidate) {
    const [, type] = / typ (host|srflx|prflx|relay)\b/.exec(candidate ?? '') ?? [];
    if (type) this.trace.note(`${side}-${type}`);
  }

  #watchDtls() {
    const dtls = this.sctp?.transport;
    if (dtls?.state === 'connecting') this.trace.note('dtls-connecting');
    dtls?.addEventListener('statechange', () => dtls.state === 'connecting' && this.trace.note('dtls-connecting'), {
      once: true,
    });
  }
}

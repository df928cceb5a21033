/** Real connections, of which a test can say that their path is broken. */
export function breakable() {
  /** @type {Broken[]} */
  const made = [];
  class Broken extends RTCPeerConnection {
    isBroken = false;
    /** @param {RTCConfiguration} [configuration] */
    constructor(configuration) {
      super(configuration);
      made.push(this);
    }

    /** @override @returns {RTCPeerConnectionState} */
    get connectionState() {
      return this.isBroken ? 'disconnected' : super.connectionState;
    }

    /** @param {boolean} isBroken */
    say(isBroken) {
      this.isBroken = isBroken;
      this.dispatchEvent(new Event('connectionstatechange'));
    }

    /** The credentials of both ends, which an ICE restart changes. */
    get credentials() {
      return [this.localDescription, this.remoteDescription].map((each) => /a=ice-ufrag:(\S+)/.exec(each?.sdp ?? '')?.[1]);
    }
  }
  return { made, RTCPeerConnection: Broken };
}

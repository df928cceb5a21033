/** A direct connection to one peer, and its channels. */

import { Channel } from './channel.js';
import * as errors from './errors.js';
import { ChannelEvent, FileEvent, StateEvent } from './events.js';
import { CHAT_LABEL, FILE_LABEL, sendFile } from './files.js';
import { Healing } from './healing.js';
import { IncomingFile } from './incoming-file.js';
import { Negotiation } from './negotiation.js';
import { RemoteCalls, RPC_PROTOCOL } from './remote-calls.js';
import { describe } from './report.js';
import { selectedRoute } from './route.js';
import { Vigil } from './vigil.js';
import { deferred, within } from './waiting.js';

/** From the first signal to an open channel. */
export const CONNECT_DEADLINE_MS = 15_000;

/** @typedef {import('./negotiation.js').Words} Words */
/**
 * `disconnected` may heal by itself and become `open` again; `closed` and `failed` are final.
 * @typedef {'connecting' | 'open' | 'disconnected' | 'closed' | 'failed'} ConnectionState
 */
/**
 * @typedef {object} ConnectionOptions
 * @property {RTCIceServer[]} [iceServers] by default the server's
 * @property {number} [deadlineMs]
 * @property {number} [healDeadlineMs]
 * @property {() => RTCIceServer[]} [freshIceServers] those of the server, as they are when they are needed
 * @property {typeof globalThis.RTCPeerConnection} [RTCPeerConnection]
 * @property {ReadonlyMap<string, import('./serving.js').Handler>} [methods] that the other side may call
 * @property {import('./channel.js').ChannelOptions} [channel]
 */

/**
 * Events: `state` on every change; `channel` for each channel that the other side opens beyond the chat; `file` for each
 * file that it sends. Data goes on flowing while the server is out of reach.
 * @extends {RemoteCalls<{ state: StateEvent<ConnectionState>, channel: ChannelEvent, file: FileEvent }>}
 */
export class Connection extends RemoteCalls {
  /** @type {ConnectionState} */
  state = 'connecting';
  /** Why it is closed or failed. @type {Error | null} */
  error = null;
  /** The channel that came with the offer. @type {Channel | null} null until there is one */
  chat = null;
  /** Set while the server cannot be reached; for the report. */
  signalingLost = false;
  #say;
  #options;
  /** @type {Negotiation} */
  #negotiation;
  #opened = /** @type {ReturnType<typeof deferred<this>>} */ (deferred());
  #isOffering = false;
  /** @type {Set<Channel>} */
  #channels = new Set();
  #startedAt = performance.now();
  #deadline;
  #healing = new Healing(this.restartIce.bind(this), () => this.#pathFailed());
  /** @type {Vigil | null} */
  #vigil = null;
  /** Signals are handled one after another. @type {Promise<void>} */
  #lastStep = Promise.resolve();

  /**
   * @param {string} peerId the other side @param {string} id the `connection_id` of its signals; empty for peers without
   * @param {(words: Words, id: string) => void} say sends a signal to the other side
   * @param {ConnectionOptions} options
   */
  constructor(peerId, id, say, options) {
    super(peerId, (label, init) => this.openChannel(label, init), options.methods);
    this.peerId = peerId;
    this.#say = say;
    this.#options = options;
    this.#opened.promise.catch(() => {});
    this.#negotiation = this.#negotiate(id);
    this.#deadline = setTimeout(() => this.#late(), options.deadlineMs ?? CONNECT_DEADLINE_MS);
  }

  get id() {
    return this.#negotiation.id;
  }

  /** The browser's own, to look at: its states and statistics. When both sides offer at once, another takes its place. */
  get pc() {
    return this.#negotiation.pc;
  }

  /** Whether this side is offering, or has offered, and has no answer yet. */
  get isOffering() {
    return this.state === 'connecting' && this.#isOffering;
  }

  /** Whether it is closed or failed. */
  get isOver() {
    return this.state === 'closed' || this.state === 'failed';
  }

  /**
   * Resolves with this connection when its chat is open.
   * @param {AbortSignal} [signal] ends the wait, not the attempt
   * @returns {Promise<this>}
   * @throws {errors.ConnectError | errors.ConnectionClosed | errors.PeerNotFound}
   */
  opened(signal) {
    const ms = 2 * (this.#options.deadlineMs ?? CONNECT_DEADLINE_MS); // the attempt itself has ended by then
    return within(this.#opened.promise, { ms, late: () => this.#timeout(), signal });
  }

  /** Opens a channel of its own. @param {string} label @param {RTCDataChannelInit} [init] @returns {Channel} */
  openChannel(label, init) {
    if (this.isOver) throw this.error ?? closed('The connection is closed');
    return this.#channel(this.pc.createDataChannel(label, init), this.pc);
  }

  /**
   * Sends a file; resolves when the other side has confirmed its checksum.
   * @param {Blob} file
   * @param {import('./files.js').SendOptions} [options]
   * @returns {Promise<import('./files.js').Receipt>}
   */
  sendFile(file, options) {
    return sendFile(this, file, options);
  }

  /** Which candidate pair carries it. @returns {Promise<import('./route.js').Route | null>} null while there is none */
  route() {
    return selectedRoute(this.#negotiation.pc);
  }

  /** Tells the other side and ends it. */
  close() {
    if (this.isOver) return;
    this.#tell({ type: 'quit' });
    this.end(closed('The connection was closed here'));
  }

  /** Offers. The connection fails, it does not throw, when that is impossible. */
  offer() {
    this.#isOffering = true;
    this.#step(async () => {
      const { pc } = this.#negotiation;
      this.#adoptChat(this.#channel(pc.createDataChannel(CHAT_LABEL), pc));
      await this.#negotiation.offer();
    });
  }

  /**
   * Answers an offer. An offer of one's own that is still unanswered is dropped for it: both sides offered at once, and
   * this one gives way.
   * @param {string} id @param {string} sdp @param {boolean} [canRestart] whether the other side takes another offer
   */
  answer(id, sdp, canRestart = false) {
    if (this.#isOffering) {
      this.#isOffering = false;
      const dropped = this.chat;
      this.chat = null;
      dropped?.close();
      this.#negotiation.close();
      this.#negotiation = this.#negotiate(id);
    }
    this.#negotiation.canRestart = canRestart;
    this.#negotiation.expect();
    this.#step(() => this.#negotiation.accept(sdp));
  }

  /** Whether an offer with its id means this connection, and not another one. */
  get isNegotiated() {
    return this.#negotiation.answered;
  }

  /**
   * Answers an offer on a connection that there is: the other side looks for a path anew.
   * @param {string} sdp @param {boolean} givesWay when both do so at once
   */
  renegotiate(sdp, givesWay) {
    const negotiation = this.#negotiation;
    negotiation.expect();
    this.#step(async () => {
      if (givesWay || negotiation.pc.signalingState !== 'have-local-offer') await negotiation.accept(sdp);
    });
  }

  /** @param {string} sdp @param {boolean} [canRestart] */
  conclude(sdp, canRestart = false) {
    this.#isOffering = false;
    this.#negotiation.canRestart = canRestart;
    this.#step(() => this.#negotiation.conclude(sdp));
  }

  /**
   * Looks for a path anew while data goes on over the old one, if that still works. Happens by itself when a path breaks.
   * @returns {boolean} whether the other side can do that
   */
  restartIce() {
    const negotiation = this.#negotiation;
    const { canRestart } = negotiation;
    if (canRestart && !this.isOver) {
      negotiation.expect();
      this.#step(() => negotiation.restart(this.#iceServers));
    }
    return canRestart;
  }

  /** @param {import('./negotiation.js').WireCandidate} candidate */
  candidate(candidate) {
    // Not a step: candidates may come while a description is still being set, and are kept until it is.
    void this.#negotiation.candidate(candidate);
  }

  /** The other side, or the server for it, refused. @param {string} code @param {string} message */
  refuse(code, message) {
    if (this.state !== 'connecting') return;
    const words = `${this.peerId} refused: ${message || code}`;
    this.end(new errors.PeerRefused(code || 'REFUSED', words, this.report()), 'failed');
  }

  /**
   * Ends it without telling the other side.
   * @param {Error} error @param {'closed' | 'failed'} [state]
   */
  end(error, state = 'closed') {
    if (this.isOver) return;
    this.state = state;
    this.error = error;
    clearTimeout(this.#deadline);
    this.#healing.stop();
    this.#vigil?.stop();
    this.#opened.reject(error);
    for (const channel of [...this.#channels]) channel.close(); // closing the RTCPeerConnection does not tell them
    this.#negotiation.close();
    this.dispatchEvent(new StateEvent(state, error));
  }

  /** @returns {import('./report.js').ConnectReport} what was tried so far */
  report() {
    const { pc, answered, localCandidates, remoteCandidates } = this.#negotiation;
    return {
      peerId: this.peerId,
      elapsedMs: Math.round(performance.now() - this.#startedAt),
      answered,
      localCandidates: { ...localCandidates },
      remoteCandidates: { ...remoteCandidates },
      iceServers: pc.getConfiguration().iceServers?.length ?? 0,
      iceState: pc.iceConnectionState,
      gatheringState: pc.iceGatheringState,
      signalingLost: this.signalingLost,
    };
  }

  get #iceServers() {
    return this.#options.iceServers ?? this.#options.freshIceServers?.() ?? [];
  }

  /** @param {string} id */
  #negotiate(id) {
    const { RTCPeerConnection = globalThis.RTCPeerConnection } = this.#options;
    const pc = new RTCPeerConnection({ iceServers: this.#iceServers });
    const negotiation = new Negotiation(id, pc, (words) => {
      if (this.#negotiation === negotiation && !this.isOver) this.#tell(words);
    });
    pc.addEventListener('connectionstatechange', () => {
      if (this.#negotiation === negotiation) this.#pathChanged();
    });
    pc.addEventListener('datachannel', ({ channel }) => this.#incoming(this.#channel(channel, pc)));
    return negotiation;
  }

  /** @param {RTCDataChannel} dc @param {RTCPeerConnection} pc */
  #channel(dc, pc) {
    const channel = new Channel(dc, pc, this.#options.channel);
    this.#channels.add(channel);
    channel.on('state', ({ state }) => state === 'closed' && this.#channels.delete(channel));
    return channel;
  }

  /** @param {Channel} channel */
  #incoming(channel) {
    if (channel.protocol === RPC_PROTOCOL) this.answerCalls(channel);
    else if (channel.label === FILE_LABEL) void this.#incomingFile(channel);
    else if (this.chat === null) this.#adoptChat(channel);
    else this.dispatchEvent(new ChannelEvent(channel));
  }

  /** @param {Channel} channel */
  async #incomingFile(channel) {
    const file = await IncomingFile.announced(channel);
    if (file === null) return;
    this.dispatchEvent(new FileEvent(file));
    if (!file.decided) await file.refuse('NOT_WANTED', 'Nobody here takes files');
  }

  /** @param {Channel} channel */
  #adoptChat(channel) {
    this.chat = channel;
    channel.opened.then(
      () => this.chat === channel && this.#open(),
      () => {},
    );
    channel.on('state', ({ state }) => {
      if (state === 'closed' && this.chat === channel && this.state === 'connecting') this.#left();
    });
  }

  #left() {
    this.end(closed(`${this.peerId} closed the connection`));
  }

  #open() {
    if (this.state !== 'connecting') return;
    clearTimeout(this.#deadline);
    this.#enter('open');
    const { pc } = this.#negotiation;
    this.#vigil = new Vigil(pc, () => this.#pathChanged());
    // A side that closes the connection ends the association of all channels, which needs no server.
    pc.sctp?.addEventListener('statechange', () => pc.sctp?.state === 'closed' && this.#left());
    this.#opened.resolve(this);
  }

  #pathChanged() {
    const { connectionState: path } = this.#negotiation.pc;
    if (path === 'failed' && !(this.state !== 'connecting' && this.#negotiation.canRestart)) this.#pathFailed();
    else if (path === 'failed' || path === 'disconnected' || (path === 'connected' && this.#vigil?.isSilent)) this.#broken();
    else if (path === 'connected' && this.state === 'disconnected') {
      this.#healing.stop();
      this.#enter('open');
    }
  }

  #broken() {
    if (this.state !== 'open') return;
    this.#enter('disconnected');
    this.#healing.start(this.#options.healDeadlineMs);
  }

  #pathFailed() {
    if (this.state === 'connecting') {
      const report = this.report();
      this.end(new errors.IceFailed('ICE_FAILED', `No path to ${this.peerId} worked: ${describe(report)}`, report), 'failed');
    } else {
      this.end(new errors.ConnectionLost('CONNECTION_LOST', `The path to ${this.peerId} broke`), 'failed');
    }
  }

  #late() {
    const error = this.#timeout();
    this.#tell({ type: 'quit' });
    this.end(error, 'failed');
  }

  #timeout() {
    const report = this.report();
    const words = `No connection to ${this.peerId} within ${report.elapsedMs / 1000} s: ${describe(report)}`;
    return new errors.ConnectTimeout('CONNECT_TIMEOUT', words, report);
  }

  /** @param {() => Promise<void>} step */
  #step(step) {
    const { pc } = this.#negotiation;
    this.#lastStep = this.#lastStep.then(async () => {
      try {
        if (!this.isOver && pc === this.#negotiation.pc) await step();
      } catch (error) {
        // A negotiation that was closed or replaced meanwhile has nothing left to say.
        if (this.isOver || pc !== this.#negotiation.pc) return;
        if (error instanceof errors.SignalingDown) this.end(error, 'failed');
        else this.#undescribable(error);
      }
    });
  }

  /** @param {unknown} error */
  #undescribable(error) {
    const why = error instanceof Error ? error.message : String(error);
    const words = `The session description of ${this.peerId} cannot be used: ${why}`;
    this.#tell({ type: 'quit' });
    this.end(new errors.DescriptionRefused('DESCRIPTION_REFUSED', words, this.report()), 'failed');
  }

  /** @param {Words} words */
  #tell(words) {
    try {
      this.#say(words, this.id);
    } catch (error) {
      this.signalingLost = true;
      if (words.type === 'offer' || words.type === 'answer') throw error;
    }
  }

  /** @param {ConnectionState} state */
  #enter(state) {
    this.state = state;
    this.dispatchEvent(new StateEvent(state, this.error));
  }
}

/** @param {string} message */
function closed(message) {
  return new errors.ConnectionClosed('CONNECTION_CLOSED', message);
}

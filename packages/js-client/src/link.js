/** How a connection is made, kept and ended: by signals, over one path after another. */

import { Channels } from './channels.js';
import * as errors from './errors.js';
import { StateEvent } from './events.js';
import { closed, lost } from './failures.js';
import { CHAT_LABEL, FILE_LABEL } from './labels.js';
import { upkeep } from './late.js';
import { Negotiation } from './negotiation.js';
import { RemoteCalls } from './remote-calls.js';
import { reportOf } from './report.js';
import { SessionName } from './session-name.js';
import { SPLIT_PROTOCOL } from './split-frames.js';
import { deferred, within } from './waiting.js';

/** From the first signal to an open channel. */
export const CONNECT_DEADLINE_MS = 15_000;

/** @typedef {import('./channel.js').Channel} Channel */
/** @typedef {import('./negotiation.js').Words} Words */
/** @typedef {import('./connection.js').ConnectionState} ConnectionState */
/** A connection as the signals see it. @template {{ [type: string]: Event }} Events @extends {RemoteCalls<Events>} */
export class Link extends RemoteCalls {
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
  #startedAt = performance.now();
  #deadline;
  /** @type {import('./upkeep.js').Upkeep | null} */
  #upkeep = null;
  #name;
  /** Whether the present path is not the one that was open last, and is not open yet. */
  #isReplaced = false;
  /** Of lost paths. To close them earlier would tell the other side, if something still gets through, that this is the end.
   * @type {Negotiation[]} */
  #former = [];
  /** Signals are handled one after another. @type {Promise<void>} */
  #lastStep = Promise.resolve();

  /**
   * @param {string} peerId the other side @param {string} id the `connection_id` of its signals; empty for peers without
   * @param {(words: Words, id: string) => void} say sends a signal to the other side
   * @param {import('./connection.js').ConnectionOptions} options
   */
  constructor(peerId, id, say, options) {
    super(peerId, (label, init) => this.openChannel(label, init), options.methods);
    /** @protected */
    this.channels = new Channels(options.channel);
    this.#name = new SessionName(id);
    this.#say = say;
    this.#options = options;
    this.#opened.promise.catch(() => {});
    this.#negotiation = this.#negotiate(id);
    this.#deadline = setTimeout(() => this.#late(), options.deadlineMs ?? CONNECT_DEADLINE_MS);
  }

  get id() {
    return this.#negotiation.id;
  }

  /** What its paths have in common. */
  get name() {
    return this.#name.name;
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
    return ['closed', 'failed'].includes(this.state);
  }

  /** Resolves with this connection when its chat is open. @param {AbortSignal} [signal] ends the wait, not the attempt
   * @returns {Promise<this>} @throws {errors.ConnectError | errors.ConnectionClosed | errors.PeerNotFound} */
  opened(signal) {
    const ms = 2 * (this.#options.deadlineMs ?? CONNECT_DEADLINE_MS); // the attempt itself has ended by then
    return within(this.#opened.promise, { ms, late: () => new errors.ConnectTimeout('CONNECT_TIMEOUT', `No connection to ${this.peerId}`, this.report()), signal });
  }

  /**
   * Opens a channel of its own. Messages of any size up to 16 MiB can be sent on it, if the other side is of this SDK or the
   * Python one; with a `protocol` of your own, or the labels `chat` and `file`, each is one frame.
   * @param {string} label @param {RTCDataChannelInit} [init] @returns {Channel}
   */
  openChannel(label, init) {
    if (this.isOver) throw this.error ?? closed('The connection is closed');
    const protocol = label === CHAT_LABEL || label === FILE_LABEL ? '' : SPLIT_PROTOCOL;
    return this.channels.keep(this.pc.createDataChannel(label, { protocol, ...init }), this.pc, true);
  }

  /** Tells the other side and ends it. */
  close() {
    if (this.isOver) return;
    this.#tell({ type: 'quit' });
    this.end(closed('The connection was closed here'));
  }

  /** Offers. The connection fails, it does not throw, when that is impossible. */
  offer() {
    this.#isOffering = this.#name.isOurs = true;
    this.#step(async () => {
      const { pc } = this.#negotiation;
      this.#adoptChat(this.channels.keep(pc.createDataChannel(CHAT_LABEL), pc, true));
      await this.#negotiation.offer();
    });
  }

  /** Answers an offer. One of one's own that is unanswered is dropped for it: both sides offered at once, and this one gives way.
   * @param {string} id @param {string} sdp @param {boolean} [canRestart] whether the other side takes another offer */
  answer(id, sdp, canRestart = false) {
    if (this.#isOffering) {
      this.#isOffering = this.#name.isOurs = false;
      const dropped = this.chat;
      this.chat = null;
      dropped?.close();
      this.pc.close();
      this.#negotiation = this.#negotiate(id);
    }
    this.#accept(sdp, canRestart, 'new');
  }

  /** @param {string} sdp @param {boolean} canRestart @param {string} word whether this side knew of the connection */
  #accept(sdp, canRestart, word) {
    this.#negotiation.line = this.#name.accept(sdp, word);
    this.#negotiation.canRestart = canRestart;
    this.#negotiation.expect();
    this.#step(() => this.#negotiation.accept(sdp));
  }

  /** The other side has dialled again, perhaps before this one noticed anything. @param {string} id @param {string} sdp
   * @returns {boolean} whether the offer is for this connection */
  answerAgain(id, sdp) {
    const isMine = !this.isOver && this.#name.isIn(sdp);
    if (isMine) void this.#answerAgain(id, sdp);
    return isMine;
  }

  /** @param {string} id @param {string} sdp */
  async #answerAgain(id, sdp) {
    const keeper = await this.#kept();
    if (keeper === null || !this.#name.isNewer(sdp)) return;
    this.#replace(id);
    keeper.await();
    this.#accept(sdp, false, 'kept');
  }

  /** Answers an offer with its id: the other side looks for a path anew. @param {string} sdp @param {boolean} givesWay when both
   * do so at once @returns {boolean} false if it has to be a new connection */
  renegotiate(sdp, givesWay) {
    const negotiation = this.#negotiation;
    if (!negotiation.answered) return false;
    negotiation.expect();
    this.#step(async () => {
      if (givesWay || negotiation.pc.signalingState !== 'have-local-offer') await negotiation.accept(sdp);
    });
    return true;
  }

  /** @param {string} sdp @param {boolean} [canRestart] */
  conclude(sdp, canRestart = false) {
    this.#isOffering = false;
    if (!this.#name.conclude(sdp)) this.channels.giveUp();
    this.#negotiation.canRestart = canRestart;
    this.#step(() => this.#negotiation.conclude(sdp));
  }

  /** Looks for a path anew while data goes on over the old one, if that still works. Happens by itself when a path breaks.
   * @returns {boolean} whether the other side can do that */
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
    void this.#negotiation.candidate(candidate); // not a step: they are kept until the description is set
  }

  /** The other side, or the server for it, refused. @param {string} code @param {string} message */
  refuse(code, message) {
    const words = `${this.peerId} refused: ${message || code}`;
    if (this.state === 'connecting') this.end(new errors.PeerRefused(code || 'REFUSED', words, this.report()), 'failed');
    else if (this.state === 'disconnected' && this.#name.isOurs) this.#pathFailed(); // it does not know this connection any more
  }

  /** Ends it without telling the other side. @param {Error} error @param {'closed' | 'failed'} [state] */
  end(error, state = 'closed') {
    if (this.isOver) return;
    this.state = state;
    this.error = error;
    clearTimeout(this.#deadline);
    this.#upkeep?.stop();
    this.#opened.reject(error);
    this.channels.close();
    for (const { pc } of [...this.#former, this.#negotiation]) pc.close();
    this.dispatchEvent(new StateEvent(state, error));
  }

  /** @returns {import('./report.js').ConnectReport} what was tried so far */
  report() {
    return reportOf(this.peerId, this.#negotiation, this.#startedAt, this.signalingLost);
  }

  /** The other side has opened a channel. @param {Channel} channel @protected */
  incoming(channel) {
    channel.close();
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
    negotiation.line = this.#name.line;
    pc.addEventListener('connectionstatechange', () => {
      if (this.#negotiation === negotiation) this.#pathChanged();
    });
    pc.addEventListener('datachannel', ({ channel }) => {
      const fresh = this.channels.take(channel, pc);
      if (fresh === null) return;
      if (this.chat === null && fresh.isPlain) this.#adoptChat(fresh);
      else this.incoming(fresh);
    });
    return negotiation;
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
    void this.#kept().then((keeper) => keeper?.watch());
    this.#opened.resolve(this);
  }

  /** What keeps it going; null if that cannot be loaded just now, or there is nothing to keep. */
  async #kept() {
    try {
      const { Upkeep } = await upkeep();
      if (this.isOver) return null;
      return (this.#upkeep ??= new Upkeep({
        pc: () => this.pc,
        changed: () => this.#pathChanged(),
        left: () => this.#left(),
        restart: () => this.restartIce(),
        redial: () => this.#redial(),
        stands: () => this.#stands(),
        reopened: () => this.channels.giveUp(),
        fail: () => this.#pathFailed(),
      }));
    } catch (error) {
      if (error instanceof errors.HeliographError) return null;
      throw error;
    }
  }

  #pathChanged() {
    const { connectionState: path } = this.#negotiation.pc;
    const isLasting = this.state !== 'connecting' && (this.#negotiation.canRestart || this.#name.isKnown);
    if (path === 'failed' && !isLasting) this.#pathFailed();
    else if (path === 'failed' || path === 'disconnected' || (path === 'connected' && this.#upkeep?.isSilent)) this.#broken();
    else if (path === 'connected' && this.state === 'disconnected' && !this.#isReplaced) {
      this.#upkeep?.healed();
      this.#enter('open');
    }
  }

  #broken() {
    if (this.state !== 'open') return;
    this.#enter('disconnected');
    void this.#kept().then((keeper) => {
      if (keeper) keeper.heal(this.#options.healDeadlineMs);
      else this.#pathFailed();
    });
  }

  /** Another path takes the place of the lost one, for the same channels. @param {string} id */
  #replace(id) {
    this.#former.push(this.#negotiation);
    this.#isReplaced = true;
    this.#negotiation = this.#negotiate(id);
    this.channels.move(this.pc);
    if (this.state === 'open') this.#enter('disconnected');
  }

  /** Offers another path, if that is this side's part. */
  #redial() {
    const mayRedial = this.#name.isOurs && this.#name.isKnown && this.state === 'disconnected';
    if (mayRedial) {
      this.#name.next();
      this.#replace(this.#options.newId?.() ?? this.id);
      this.#upkeep?.await();
      this.#step(() => this.#negotiation.offer());
    }
    return mayRedial;
  }

  #stands() {
    this.#isReplaced = false;
    for (const { pc } of this.#former.splice(0)) pc.close();
    this.#enter('open');
  }

  #pathFailed() {
    if (this.state !== 'connecting') this.end(lost(`to ${this.peerId}`), 'failed');
    else void this.#fail(errors.IceFailed, 'ICE_FAILED', `No path to ${this.peerId} worked`);
  }

  #late() {
    this.#tell({ type: 'quit' });
    const { elapsedMs } = this.report();
    void this.#fail(errors.ConnectTimeout, 'CONNECT_TIMEOUT', `No connection to ${this.peerId} within ${elapsedMs / 1000} s`);
  }

  /** The attempt is over: with what was tried in its error. @param {typeof errors.ConnectError} Kind @param {string} code @param {string} words */
  async #fail(Kind, code, words) {
    const report = this.report();
    this.pc.close();
    const told = (await this.#kept())?.describe(report); // without it, the report itself is there
    this.end(new Kind(code, told ? `${words}: ${told}` : words, report), 'failed');
  }

  /** @param {() => Promise<void>} step */
  #step(step) {
    const { pc } = this.#negotiation;
    this.#lastStep = this.#lastStep.then(async () => {
      try {
        if (!this.isOver && pc === this.#negotiation.pc) await step();
      } catch (error) {
        // A negotiation that was closed or replaced meanwhile has nothing left to say, and there may be another attempt.
        if (this.isOver || pc !== this.#negotiation.pc || this.state !== 'connecting') return;
        if (error instanceof errors.SignalingDown) return this.end(error, 'failed');
        this.#tell({ type: 'quit' });
        const words = `The session description of ${this.peerId} cannot be used: ${/** @type {Error} */ (error).message}`;
        this.end(new errors.DescriptionRefused('DESCRIPTION_REFUSED', words, this.report()), 'failed');
      }
    });
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

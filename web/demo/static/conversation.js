/** What was said with one peer, over all connections with it. */

import { FileUnwritable } from '/sdk/errors.js';
import { CallEntry } from './call-entry.js';
import { fromTemplate, say } from './dom.js';
import { clock } from './format.js';
import { MAX_KEPT_LENGTH } from './kept-visit.js';
import { messageEntry } from './message-entry.js';
import { takeRoom } from './shelf.js';
import { TracedPeerConnection } from './trace.js';
import { Transfer } from './transfer.js';

/** @typedef {import('/sdk/index.js').Connection} Connection */
/** @typedef {import('/sdk/index.js').IncomingFile} IncomingFile */
/** @typedef {import('./kept-visit.js').Said} Said */

/** Older entries make room for newer ones, by their number and by the text in them. */
const LOG_ENTRIES = 500;
const LOG_LENGTH = 8_000_000;
/** Files of one peer that are taken at the same time. */
const INCOMING_FILES = 8;
/** A longer message is better a file. It is also what fits into one frame everywhere. */
export const MAX_MESSAGE_LENGTH = 16_000;

/**
 * Events: `change` when anything about the connection is different; `entry` with a new element; `flash` with the
 * direction of something said; `failure` when a connection came to a bad end.
 */
export class Conversation extends EventTarget {
  /** @type {HTMLElement[]} */
  entries = [];
  /** @type {Connection | null} */
  connection = null;
  /** Entries that came while it was not in view. */
  unread = 0;
  /** Whether the peer is expected and not there yet. */
  awaited = false;
  /** Whether this side made the connection, and is the one to make it again should it break. */
  isCaller = false;
  /** @type {Said[]} */
  said = [];
  /** What is written to this peer and not sent yet. @type {import('./composer.js').Draft} */
  draft = { message: '', method: '', argument: '' };
  /** The length of the text of each entry. @type {WeakMap<HTMLElement, number>} */
  #lengths = new WeakMap();
  #length = 0;
  #incomingFiles = 0;
  /** Those that are not through and not given up. @type {Set<Transfer>} */
  #unfinished = new Set();
  /** By their entries. @type {Map<HTMLElement, Transfer>} */
  #transfers = new Map();

  /** @param {string} peerId */
  constructor(peerId) {
    super();
    this.peerId = peerId;
  }

  /** @returns {'idle' | 'awaited' | import('/sdk/connection.js').ConnectionState} */
  get state() {
    if (this.awaited) return 'awaited';
    return this.connection?.state ?? 'idle';
  }

  get isLive() {
    return this.state === 'connecting' || this.state === 'open' || this.state === 'disconnected';
  }

  /** What was said before a reload. @param {Said[]} said */
  restore(said) {
    for (const { direction, text, at } of said) {
      if (typeof text === 'string') this.#addMessage(direction === 'out' ? 'out' : 'in', text, new Date(Number(at)));
    }
    this.unread = 0;
  }

  /** @param {Connection} connection possibly already open */
  attach(connection) {
    if (this.connection === connection) return;
    this.connection = connection;
    this.awaited = false;
    connection.on('file', ({ file }) => void this.#receiveFile(file));
    connection.on('state', () => this.connection === connection && this.#stateChanged(connection));
    connection.opened().then(
      () => this.#listen(connection),
      () => {},
    );
    this.#changed();
  }

  /** @param {string} text */
  async send(text) {
    if (!this.connection?.chat) return;
    if (text.length > MAX_MESSAGE_LENGTH) {
      this.note('That is long for a message: it goes as a file.');
      await this.sendFile(new File([text], 'message.txt', { type: 'text/plain' }));
      return;
    }
    this.#addMessage('out', text, new Date());
    await this.connection.chat.send(text);
  }

  /** @param {File} file */
  async sendFile(file) {
    const transfer = new Transfer('out', file.name, file.size, () => {
      transfer.begin();
      void this.#attempt(transfer, file);
    });
    this.#addTransfer(transfer);
    await this.#attempt(transfer, file);
  }

  /** Calls a method of the other side. @param {string} method @param {unknown[]} args */
  call(method, args) {
    if (this.connection === null) return;
    const entry = new CallEntry(method, args);
    this.#add(entry.element);
    this.#flash('out');
    void entry.run(this.connection, () => this.#flash('in'));
  }

  /** @param {string} text */
  note(text) {
    const element = fromTemplate('log-note');
    say(element, text);
    this.#add(element);
  }

  /** Frees what files of the other side take up. */
  discard() {
    for (const transfer of this.#transfers.values()) transfer.discard();
  }

  /** @param {Transfer} transfer */
  #addTransfer(transfer) {
    this.#unfinished.add(transfer);
    this.#transfers.set(transfer.element, transfer);
    this.#add(transfer.element);
  }

  /** @param {Transfer} transfer @param {File} file */
  async #attempt(transfer, file) {
    const onProgress = (/** @type {number} */ done) => this.#moved(transfer, done);
    try {
      if (this.connection === null || this.connection.isOver) throw new DOMException('Not connected', 'NetworkError');
      const { sha256 } = await this.connection.sendFile(file, { onProgress, signal: transfer.signal });
      transfer.finish(sha256);
    } catch (error) {
      transfer.fail(error);
    }
    if (['done', 'failed', 'cancelled'].includes(transfer.state)) this.#unfinished.delete(transfer);
  }

  /** @param {IncomingFile} file */
  async #receiveFile(file) {
    if (this.#incomingFiles >= INCOMING_FILES) return file.refuse('NOT_WANTED', 'Too many files at once');
    this.#incomingFiles += 1;
    const transfer = this.#announced(file);
    this.unread += 1;
    this.#changed();
    const release = takeRoom(file.size);
    if (release === null) {
      this.#incomingFiles -= 1;
      this.#unfinished.delete(transfer);
      transfer.fail(new FileUnwritable('NO_SPACE', 'No room for it among the files here. Remove some, then ask for it again'));
      return file.refuse('NO_SPACE', 'There is no room for it now');
    }
    transfer.release = release;
    const onProgress = (/** @type {number} */ done) => this.#moved(transfer, done);
    try {
      const received = await file.accept({ onProgress, signal: transfer.signal });
      transfer.finish(received.sha256, received);
    } catch (error) {
      release();
      transfer.fail(error);
    } finally {
      this.#incomingFiles -= 1;
      if (!transfer.isInterrupted) this.#unfinished.delete(transfer);
    }
    return undefined;
  }

  /** One that was interrupted goes on in its own entry. @param {IncomingFile} file */
  #announced({ name, size }) {
    for (const known of this.#unfinished) {
      if (known.direction !== 'in' || !known.isInterrupted || known.name !== name || known.size !== size) continue;
      known.begin();
      return known;
    }
    const transfer = new Transfer('in', name, size);
    this.#addTransfer(transfer);
    return transfer;
  }

  /** @param {Transfer} transfer @param {number} done bytes */
  #moved(transfer, done) {
    transfer.progress(done);
    this.#flash(transfer.direction);
  }

  /** @param {Connection} connection */
  async #listen(connection) {
    if (performance.getEntriesByName('heliograph:channel-open').length === 0) performance.mark('heliograph:channel-open');
    if (connection.pc instanceof TracedPeerConnection) connection.pc.trace.note('channel-open');
    this.note(`Connected at ${clock(new Date())}`);
    for (const transfer of this.#unfinished) if (transfer.isInterrupted) transfer.onResume?.();
    try {
      for await (const frame of connection.chat ?? []) {
        if (typeof frame !== 'string') continue;
        this.unread += 1;
        this.#addMessage('in', frame, new Date());
        this.#changed();
      }
    } catch (error) {
      this.dispatchEvent(new CustomEvent('failure', { detail: error }));
    }
  }

  /** @param {Connection} connection */
  #stateChanged({ state, error }) {
    if (state === 'closed' && error) this.note(error.message);
    if (state === 'failed') this.dispatchEvent(new CustomEvent('failure', { detail: error }));
    this.#changed();
  }

  /** @param {'out' | 'in'} direction @param {string} text @param {Date} at */
  #addMessage(direction, text, at) {
    const element = messageEntry(direction, direction === 'out' ? 'You' : this.peerId, text, at);
    this.#lengths.set(element, text.length);
    this.#length += text.length;
    if (text.length <= MAX_KEPT_LENGTH) this.said.push({ direction, text, at: at.getTime() });
    if (this.said.length > LOG_ENTRIES) this.said.shift();
    this.#add(element);
    this.#flash(direction);
  }

  /** @param {HTMLElement} element */
  #add(element) {
    this.entries.push(element);
    while (this.entries.length > LOG_ENTRIES || (this.#length > LOG_LENGTH && this.entries.length > 1)) {
      this.#drop();
    }
    this.dispatchEvent(new CustomEvent('entry', { detail: element }));
  }

  /** Takes the oldest entry away; what is still on its way stays. */
  #drop() {
    const index = this.entries.findIndex((entry) => this.#transfers.get(entry)?.isIdle ?? true);
    const [oldest] = this.entries.splice(Math.max(index, 0), 1);
    if (!oldest) return;
    const transfer = this.#transfers.get(oldest);
    if (transfer) {
      transfer.discard();
      this.#transfers.delete(oldest);
      this.#unfinished.delete(transfer);
    }
    this.#length -= this.#lengths.get(oldest) ?? 0;
    oldest.remove();
  }

  /** @param {'out' | 'in'} direction */
  #flash(direction) {
    this.dispatchEvent(new CustomEvent('flash', { detail: direction }));
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

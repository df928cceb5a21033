/** What was said with one peer, over all connections with it. */

import { clock } from './format.js';
import { find, fromTemplate, say } from './dom.js';
import { Transfer } from './transfer.js';

/** @typedef {import('/sdk/index.js').Connection} Connection */
/** @typedef {import('/sdk/index.js').IncomingFile} IncomingFile */

/** Older entries make room for newer ones. */
const LOG_ENTRIES = 500;
const ROUTE_REFRESH_MS = 2000;
/** Files of one peer that are taken at the same time. */
const INCOMING_FILES = 8;

/**
 * Events: `change` when anything about the connection is different; `flash` with the direction of something said;
 * `failure` when a connection came to a bad end.
 */
export class Conversation extends EventTarget {
  /** @type {HTMLElement[]} */
  entries = [];
  /** @type {Connection | null} */
  connection = null;
  /** @type {Awaited<ReturnType<Connection['route']>>} */
  route = null;
  /** Messages that came while it was not in view. */
  unread = 0;
  /** Whether the peer is expected and not there yet. */
  awaited = false;
  #routeTimer = 0;
  #incomingFiles = 0;

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

  /** @param {Connection} connection possibly already open */
  attach(connection) {
    if (this.connection === connection) return;
    this.connection = connection;
    this.awaited = false;
    this.route = null;
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
    if (this.connection?.chat) {
      this.#addMessage('out', text);
      await this.connection.chat.send(text);
    }
  }

  /** @param {File} file */
  async sendFile(file) {
    if (this.connection === null) return;
    const transfer = new Transfer('out', file.name, file.size);
    this.#add(transfer.element);
    const onProgress = (/** @type {number} */ done) => this.#moved(transfer, done);
    try {
      const { sha256 } = await this.connection.sendFile(file, { onProgress, signal: transfer.signal });
      transfer.finish(sha256);
    } catch (error) {
      transfer.fail(error);
    }
  }

  /** @param {string} text */
  note(text) {
    const element = fromTemplate('log-note');
    say(element, text);
    this.#add(element);
  }

  /** @param {IncomingFile} file */
  async #receiveFile(file) {
    if (this.#incomingFiles >= INCOMING_FILES) return file.refuse('NOT_WANTED', 'Too many files at once');
    this.#incomingFiles += 1;
    const transfer = new Transfer('in', file.name, file.size);
    this.#add(transfer.element);
    this.unread += 1;
    this.#changed();
    const onProgress = (/** @type {number} */ done) => this.#moved(transfer, done);
    try {
      const { blob, sha256 } = await file.accept({ onProgress, signal: transfer.signal });
      transfer.finish(sha256, blob);
    } catch (error) {
      transfer.fail(error);
    } finally {
      this.#incomingFiles -= 1;
    }
    return undefined;
  }

  /** @param {Transfer} transfer @param {number} done bytes */
  #moved(transfer, done) {
    transfer.progress(done);
    this.#flash(transfer.direction);
  }

  /** @param {Connection} connection */
  async #listen(connection) {
    performance.mark('heliograph:channel-open');
    this.note(`Connected at ${clock(new Date())}`);
    void this.#followRoute(connection);
    try {
      for await (const frame of connection.chat ?? []) {
        if (typeof frame !== 'string') continue;
        this.unread += 1;
        this.#addMessage('in', frame);
      }
    } catch (error) {
      this.dispatchEvent(new CustomEvent('failure', { detail: error }));
    }
  }

  /** @param {Connection} connection */
  async #followRoute(connection) {
    clearTimeout(this.#routeTimer);
    if (connection.isOver || this.connection !== connection) return;
    this.route = (await connection.route()) ?? this.route;
    this.#changed();
    this.#routeTimer = setTimeout(() => void this.#followRoute(connection), ROUTE_REFRESH_MS);
  }

  /** @param {Connection} connection */
  #stateChanged({ state, error }) {
    if (state === 'closed' && error) this.note(error.message);
    if (state === 'failed') this.dispatchEvent(new CustomEvent('failure', { detail: error }));
    this.#changed();
  }

  /** @param {'out' | 'in'} direction @param {string} text */
  #addMessage(direction, text) {
    const element = fromTemplate('chat-message');
    element.dataset.direction = direction;
    say(find('.message-from', element), direction === 'out' ? 'You: ' : `${this.peerId}: `);
    say(find('.message-text', element), text);
    say(find('.message-time', element), clock(new Date()));
    this.#add(element);
    this.#flash(direction);
    if (direction === 'in') this.#changed();
  }

  /** @param {HTMLElement} element */
  #add(element) {
    this.entries.push(element);
    if (this.entries.length > LOG_ENTRIES) this.entries.shift()?.remove();
    this.dispatchEvent(new CustomEvent('entry', { detail: element }));
  }

  /** @param {'out' | 'in'} direction */
  #flash(direction) {
    this.dispatchEvent(new CustomEvent('flash', { detail: direction }));
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

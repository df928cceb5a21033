/** A server inside the page: speaks the protocol's level 1 to sockets that only look like WebSockets. */

/** @typedef {Record<string, any>} Message */

export class FakeServer {
  /** @type {Map<string, FakeSocket>} */
  peers = new Map();
  /** Every message that arrived. @type {Message[]} */
  received = [];
  /** @type {FakeSocket[]} */
  sockets = [];
  /** Whether new sockets open. */
  up = true;
  /** Answers registrations and queries; null leaves the message unanswered. @type {(message: Message) => Message | null} */
  reply = defaultReply;
  /** May change, hold back (null) or multiply what is forwarded. @type {(message: Message) => Message | Message[] | null} */
  forward = (message) => message;

  /** What to hand to the SDK as its `WebSocket`. @returns {typeof WebSocket} */
  get WebSocket() {
    const server = this;
    return /** @type {any} */ (
      class extends FakeSocket {
        constructor() {
          super(server);
        }
      }
    );
  }

  /** Closes every socket. @param {number} code */
  hangUp(code) {
    for (const socket of [...this.sockets]) socket.hangUp(code);
  }

  /** @param {FakeSocket} socket @param {Message} message */
  handle(socket, message) {
    this.received.push(message);
    if (message.type === 'register' || message.type === 'query' || message.type === 'ping') {
      const reply = this.reply(message);
      if (reply?.type === 'registered_auth') this.#join(socket, message.peer_id);
      if (reply?.type === 'available_peers') reply.peers ??= [...this.peers.keys()];
      if (reply) socket.deliver(reply);
      return;
    }
    const passed = this.forward({ ...message, sender: socket.peerId });
    for (const each of [passed].flat()) if (each) this.#pass(socket, each);
  }

  /** @param {FakeSocket} socket @param {Message} message */
  #pass(socket, message) {
    const target = this.peers.get(message.target);
    if (target) target.deliver(message);
    else
      socket.deliver({ type: 'error', code: 'PEER_NOT_FOUND', message: `No peer ${message.target}`, ref: message.ref });
  }

  /** @param {FakeSocket} socket @param {string} peerId */
  #join(socket, peerId) {
    const older = this.peers.get(peerId);
    this.peers.set(peerId, socket);
    socket.peerId = peerId;
    if (older !== socket) older?.hangUp(4001);
  }
}

/** @param {Message} message @returns {Message} */
export function defaultReply(message) {
  if (message.type === 'query') return { type: 'available_peers' };
  if (message.type === 'ping') return { type: 'pong', time: 0 };
  return { type: 'registered_auth', room_id: message.room_id, token: message.token, peer_id: message.peer_id };
}

class FakeSocket extends EventTarget {
  OPEN = 1;
  readyState = 0;
  peerId = '';
  #server;

  /** @param {FakeServer} server */
  constructor(server) {
    super();
    this.#server = server;
    queueMicrotask(() => this.#open());
  }

  #open() {
    if (!this.#server.up) return this.hangUp(1006);
    this.readyState = 1;
    this.#server.sockets.push(this);
    this.dispatchEvent(new Event('open'));
    return undefined;
  }

  /** @param {string} frame */
  send(frame) {
    const message = JSON.parse(frame);
    queueMicrotask(() => this.readyState === 1 && this.#server.handle(this, message));
  }

  /** @param {Message} message */
  deliver(message) {
    const data = JSON.stringify(message);
    queueMicrotask(() => this.readyState === 1 && this.dispatchEvent(new MessageEvent('message', { data })));
  }

  close() {
    this.hangUp(1000);
  }

  /** @param {number} code */
  hangUp(code) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#server.sockets = this.#server.sockets.filter((socket) => socket !== this);
    if (this.#server.peers.get(this.peerId) === this) this.#server.peers.delete(this.peerId);
    queueMicrotask(() => this.dispatchEvent(new CloseEvent('close', { code })));
  }
}

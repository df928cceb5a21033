/** A server inside the page: speaks the protocol to sockets that only look like WebSockets. */

/** @typedef {Record<string, any>} Message */
/**
 * @typedef {object} Member a registered peer, with or without a socket
 * @property {string} peerId
 * @property {FakeSocket | null} socket
 * @property {string} secret
 * @property {Message[]} said all that it was sent in its session; so many had arrived when it resumed
 * @property {Message} peer
 */

export class FakeServer {
  /** @type {Map<string, Member>} */
  members = new Map();
  /** Every message that arrived. @type {Message[]} */
  received = [];
  /** What peers said of their connections. @type {Message[]} */
  reports = [];
  /** @type {FakeSocket[]} */
  sockets = [];
  /** Whether new sockets open. */
  up = true;
  /** Of the protocol. A server of level 1 knows no refs, no sessions and no presence. */
  level = 1;
  /** What a peer may send, at level 2. */
  limits = { message_bytes: 65_536, messages_per_s: 100 };
  /** Answers registrations and questions; null leaves the message unanswered. @type {(message: Message) => Message | null} */
  reply = defaultReply;
  /** May change, hold back (null) or multiply what is forwarded. @type {(message: Message) => Message | Message[] | null} */
  forward = (message) => message;
  #sessions = 0;

  /** @param {1 | 2} [level] */
  constructor(level = 1) {
    this.level = level;
  }

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

  /** Forgets every session, as a server does that starts anew. */
  restart() {
    this.hangUp(1012);
    this.members.clear();
  }

  /** What arrived of that type, without refs. @param {string} type */
  heard(type) {
    return this.received.filter((message) => message.type === type).map(({ ref: _, ...message }) => message);
  }

  /** Sends a peer something. @param {string} peerId @param {Message} message */
  tell(peerId, message) {
    const member = this.members.get(peerId);
    member?.said.push(message);
    member?.socket?.deliver(message);
  }

  /** @param {FakeSocket} socket @param {Message} message */
  handle(socket, message) {
    if (message.type === 'report') return void this.reports.push(message);
    this.received.push(message);
    if (message.type === 'register') return this.#register(socket, message);
    if (message.type === 'leave') return socket.hangUp(1000);
    if (message.type === 'received') return undefined;
    const ref = this.level === 2 ? { ref: message.ref } : {};
    const isForwarded = 'target' in message || message.type === 'peer_message';
    if (!isForwarded) {
      const reply = this.reply(message);
      if (reply?.type === 'available_peers') reply.peers ??= [...this.members.keys()];
      if (reply) this.tell(socket.peerId, { ...reply, ...ref });
      return undefined;
    }
    const from = message.type === 'peer_message' ? { from_peer_id: socket.peerId } : { sender: socket.peerId };
    const passed = this.forward({ ...message, ...from });
    for (const each of [passed].flat()) if (each) this.#pass(socket, each, ref);
    return undefined;
  }

  /** The connection of a peer is over. @param {FakeSocket} socket */
  lost(socket) {
    const member = this.members.get(socket.peerId);
    if (member?.socket !== socket) return;
    member.socket = null;
    if (this.level === 1) this.members.delete(socket.peerId);
  }

  /** @param {FakeSocket} socket @param {Message} message @param {Message} ref */
  #pass(socket, message, ref) {
    const to = message.target ?? message.to_peer_id;
    const target = this.members.get(to);
    if (!target) {
      const reason = { type: 'error', code: 'PEER_NOT_FOUND', message: `No peer ${to}` };
      return this.tell(socket.peerId, { ...reason, ...(this.level === 1 ? { ref: message.ref } : ref) });
    }
    this.tell(to, message);
    const status = target.socket === null ? 'buffered' : 'delivered';
    if (this.level === 2) this.tell(socket.peerId, { type: 'ack', status, ...ref });
    return undefined;
  }

  /** @param {FakeSocket} socket @param {Message} message */
  #register(socket, message) {
    const reply = this.reply(message);
    if (reply?.type !== 'registered_auth') return void (reply && socket.deliver(reply));
    const { peer_id: peerId, role = 'peer', metadata = {}, groups = ['default'], resume } = message;
    const older = this.members.get(peerId);
    const resumed = this.level === 2 && resume !== undefined && older?.secret === resume.secret;
    const peer = { peer_id: peerId, role, metadata, groups, connected_at: 0, state: 'online' };
    const secret = `secret ${(this.#sessions += 1)}`;
    const member = { peerId, socket, peer, secret, said: resumed && older ? older.said : [] };
    this.members.set(peerId, member);
    socket.peerId = peerId;
    if (older && older.socket !== socket) older.socket?.hangUp(4001);
    if (this.level === 1) return socket.deliver(reply);
    const session = { session_id: peerId, secret, resume_window_s: 30, resumed };
    const peers = [...this.members.values()].filter((each) => each !== member).map((each) => each.peer);
    socket.deliver({ ...reply, role, grants: ['signal'], expires_at: 7, session, limits: this.limits, peers });
    for (const missed of member.said.slice(resume?.received ?? 0)) socket.deliver(missed);
    const type = resumed ? 'peer_back' : 'peer_joined';
    for (const each of this.members.keys()) if (each !== peerId) this.tell(each, { type, peer });
    return undefined;
  }
}

/** @param {Message} message @returns {Message | null} */
export function defaultReply(message) {
  switch (message.type) {
    case 'query':
      return { type: 'available_peers' };
    case 'ping':
      return { type: 'pong', time: 0 };
    case 'register':
      return { type: 'registered_auth', room_id: message.room_id, token: message.token, peer_id: message.peer_id };
    default:
      return { type: 'error', code: 'UNKNOWN_MESSAGE_TYPE', message: message.type };
  }
}

class FakeSocket extends EventTarget {
  OPEN = 1;
  readyState = 0;
  peerId = '';
  #server;
  /** Carries each step to a task of its own, in order, as a network does. */
  #wire = new MessageChannel();
  /** @type {(() => void)[]} */
  #steps = [];

  /** @param {FakeServer} server */
  constructor(server) {
    super();
    this.#server = server;
    this.#wire.port2.onmessage = () => this.#steps.shift()?.();
    this.#later(() => this.#open());
  }

  #open() {
    if (this.readyState !== 0) return;
    if (!this.#server.up) return this.hangUp(1006);
    this.readyState = 1;
    this.#server.sockets.push(this);
    this.dispatchEvent(new Event('open'));
  }

  /** @param {string} frame */
  send(frame) {
    const message = JSON.parse(frame);
    this.#later(() => this.readyState === 1 && this.#server.handle(this, message));
  }

  /** @param {Message} message */
  deliver(message) {
    const data = JSON.stringify(message);
    this.#later(() => this.readyState === 1 && this.dispatchEvent(new MessageEvent('message', { data })));
  }

  close() {
    this.#later(() => this.hangUp(1000)); // after what was sent
  }

  /** @param {number} code */
  hangUp(code) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#server.sockets = this.#server.sockets.filter((socket) => socket !== this);
    this.#server.lost(this);
    this.#later(() => {
      this.#wire.port1.close();
      this.dispatchEvent(new CloseEvent('close', { code }));
    });
  }

  /** @param {() => void} step */
  #later(step) {
    this.#steps.push(step);
    this.#wire.port1.postMessage(null);
  }
}

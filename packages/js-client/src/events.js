/**
 * An EventTarget that knows the names and classes of its events.
 * @template {{ [type: string]: Event }} Events
 */
export class Emitter extends EventTarget {
  /**
   * Listens until the returned function is called, or `options.signal` aborts.
   * @template {keyof Events & string} Type
   * @param {Type} type
   * @param {(event: Events[Type]) => void} listener
   * @param {AddEventListenerOptions} [options]
   * @returns {() => void}
   */
  on(type, listener, options) {
    const plain = /** @type {EventListener} */ (listener);
    this.addEventListener(type, plain, options);
    return () => this.removeEventListener(type, plain, options);
  }

  /** An event with these fields. @param {string} type @param {object} [fields] */
  emit(type, fields) {
    this.dispatchEvent(Object.assign(new Event(type), fields));
  }
}

/**
 * A state was entered. `error` says why, where there is a why.
 * @template {string} State
 */
export class StateEvent extends Event {
  /** @param {State} state @param {Error | null} [error] */
  constructor(state, error = null) {
    super('state');
    this.state = state;
    this.error = error;
  }
}

/** Another peer has begun to connect; the connection is still `connecting`. */
export class ConnectionEvent extends Event {
  /** @param {import('./connection.js').Connection} connection */
  constructor(connection) {
    super('connection');
    this.connection = connection;
  }
}

/** The other side opened a channel. */
export class ChannelEvent extends Event {
  /** @param {import('./channel.js').Channel} channel */
  constructor(channel) {
    super('channel');
    this.channel = channel;
  }
}

/** The other side is sending a file. Decide in the listener: a file that nobody accepts there is refused. */
export class FileEvent extends Event {
  /** @param {import('./incoming-file.js').IncomingFile} file */
  constructor(file) {
    super('file');
    this.file = file;
  }
}

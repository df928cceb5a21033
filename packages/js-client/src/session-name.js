/** By what the two sides know a connection again when its path is another one: see `heliograph_protocol.liveness`. */

const LINE = /^a=heliograph-session:([0-9a-f]{16,64}) (\d{1,6})(?: (new|kept))?[ \t]*\r?$/m;

/** In a description; `word` is for answers. @typedef {{ name: string, number: number, word?: string | undefined }} SessionLine */

export class SessionName {
  /** Counts the attempts at a path. */
  #number = 0;
  /** Whether this side made the first path, and has to make the next ones. */
  isOurs = false;
  /** Whether the other side knows it too. */
  isKnown = false;

  /** @param {string} name */
  constructor(name) {
    this.name = name;
  }

  /** For an offer. @returns {SessionLine} */
  get line() {
    return { name: this.name, number: this.#number };
  }

  next() {
    this.#number += 1;
  }

  /** An offer is answered. @param {string} sdp @param {string} word @returns {SessionLine | null} for the answer */
  accept(sdp, word) {
    const line = read(sdp);
    this.isKnown = line !== null;
    if (line) ({ name: this.name, number: this.#number } = line);
    return line && { ...line, word };
  }

  /** An offer was answered. @param {string} sdp @returns {boolean} whether the other side has kept the connection */
  conclude(sdp) {
    const line = read(sdp);
    this.isKnown = line?.name === this.name && line.number === this.#number;
    return this.isKnown && line?.word === 'kept';
  }

  /** Whether an offer of the other side's names it. @param {string} sdp */
  isIn(sdp) {
    return this.isKnown && !this.isOurs && read(sdp)?.name === this.name;
  }

  /** Whether such an offer is for a path after this one. @param {string} sdp */
  isNewer(sdp) {
    return Number(read(sdp)?.number) > this.#number;
  }
}

/** @param {string} sdp @returns {SessionLine | null} */
function read(sdp) {
  const [found, name = '', number, word] = LINE.exec(sdp) ?? [];
  return found === undefined ? null : { name, number: Number(number), word };
}

/** @param {string} sdp @returns {string} what no connection is named if there is none */
export function nameIn(sdp) {
  return read(sdp)?.name ?? ' ';
}

/** @param {string} sdp @param {SessionLine | null} line */
export function writeLine(sdp, line) {
  if (!line) return sdp;
  const words = [line.name, line.number, line.word].filter((word) => word !== undefined);
  return sdp.replace(/^m=/m, `a=heliograph-session:${words.join(' ')}\r\nm=`);
}

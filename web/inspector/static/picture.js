/** What has been reported so far: a whole view, and the changes since. No page in here. */

/** @typedef {import('/sdk/protocol.js').Inspection} Inspection */
/** @typedef {import('/sdk/protocol.js').InspectionUpdate} InspectionUpdate */
/** @typedef {import('/sdk/protocol.js').RoomReport} RoomReport */
/** @typedef {import('/sdk/protocol.js').ServerReport} ServerReport */
/** @typedef {import('/sdk/protocol.js').TimelineEntry} TimelineEntry */
/** @typedef {import('/sdk/protocol.js').PairReport} PairReport */

/** Entries of a timeline that are kept. */
export const KEPT_ENTRIES = 600;

export class RoomPicture {
  /** @type {Map<string, import('/sdk/protocol.js').PeerReport>} */
  peers = new Map();
  /** @type {Map<string, PairReport>} */
  pairs = new Map();
  /** @type {TimelineEntry[]} */
  timeline = [];
  rate = new Rate();

  /** @param {RoomReport} report @param {number} at */
  constructor(report, at) {
    this.report = report;
    this.at = at;
    this.#take(report, at);
  }

  /** @param {RoomReport} report @param {number} at */
  change(report, at) {
    this.report = report;
    this.at = at;
    for (const name of report.forgotten ?? []) this.peers.delete(name);
    for (const [a, b] of report.forgotten_pairs ?? []) this.pairs.delete(`${a} ${b}`);
    this.#take(report, at);
  }

  /** @param {RoomReport} report @param {number} at */
  #take(report, at) {
    this.rate.add(report.messages, at);
    for (const peer of report.peers ?? []) this.peers.set(peer.peer_id, peer);
    for (const pair of report.pairs ?? []) this.pairs.set(`${pair.a} ${pair.b}`, pair);
    for (const entry of report.timeline ?? []) this.#add(entry);
    this.timeline = this.timeline.slice(-KEPT_ENTRIES);
  }

  /** @param {TimelineEntry} entry */
  #add(entry) {
    if ((entry.count ?? 1) > 1) {
      const before = this.timeline.findLastIndex((other) => isSame(entry, other));
      if (before >= 0) this.timeline.splice(before, 1);
    }
    this.timeline.push(entry);
  }
}

export class ServerPicture {
  /** @type {Map<string, import('/sdk/protocol.js').RoomRow>} */
  rooms = new Map();
  rate = new Rate();

  /** @param {ServerReport} report @param {number} at */
  constructor(report, at) {
    this.report = report;
    this.#take(report, at);
  }

  /** @param {ServerReport} report @param {number} at */
  change(report, at) {
    this.report = report;
    for (const name of report.forgotten ?? []) this.rooms.delete(name);
    this.#take(report, at);
  }

  /** @param {ServerReport} report @param {number} at */
  #take(report, at) {
    for (const row of report.rooms ?? []) this.rooms.set(row.room_id, row);
    this.rate.add(
      Object.values(report.messages).reduce((sum, count) => sum + count, 0),
      at,
    );
  }
}

/** How fast a count grows. */
class Rate {
  #count = 0;
  #at = 0;
  /** A second; null before two counts. @type {number | null} */
  perSecond = null;

  /** @param {number} count @param {number} at seconds */
  add(count, at) {
    if (this.#at > 0 && at > this.#at) this.perSecond = Math.max(0, (count - this.#count) / (at - this.#at));
    this.#count = count;
    this.#at = at;
  }

  /** Nothing has been heard for a while, and only what changes is told. @param {number} at seconds */
  settle(at) {
    if (at - this.#at > 2) this.perSecond = 0;
  }
}

/** @param {TimelineEntry} one @param {TimelineEntry} other */
function isSame(one, other) {
  return one.event === other.event && one.peer === other.peer && one.code === other.code && one.said === other.said && other.at <= one.at;
}

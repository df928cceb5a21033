/** One room: who is there, who has signalled whom, and what is in the focus. */

import { clock } from '/static/format.js';
import { find, fromTemplate, say } from '/static/dom.js';
import { Focus } from './focus.js';
import { order, showFacts } from './overview.js';
import { RateChart } from './rate-chart.js';
import { showRows } from './rows.js';
import { peerNote } from './words.js';

/** @typedef {import('./picture.js').RoomPicture} RoomPicture */
/** @typedef {import('/sdk/protocol.js').PeerReport} PeerReport */
/** @typedef {import('/sdk/protocol.js').PairReport} PairReport */

const MOODS = ['trouble', 'waiting', 'unknown', 'good'];
const STATUSES = ['online', 'away', 'gone'];
/** Pairs that are drawn at once: one peer can make up as many names as it likes, and offer to them. */
const SHOWN_PAIRS = 100;

export class Room {
  #root = find('#room');
  #focus = new Focus();
  #chart = new RateChart(find('#room-chart'));
  #one = /** @type {HTMLInputElement} */ (find('#ask-one'));
  #other = /** @type {HTMLInputElement} */ (find('#ask-other'));
  #onpeers;
  /** @type {string[]} */
  #peers = [];

  /** @param {(peers: string[]) => void} onpeers those who are to be in the focus */
  constructor(onpeers) {
    this.#onpeers = onpeers;
    find('#ask').addEventListener('submit', (event) => {
      event.preventDefault();
      const [one, other] = [this.#one.value.trim(), this.#other.value.trim()];
      const same = one === other;
      this.#other.setCustomValidity(same ? 'Name another one' : '');
      if (this.#other.reportValidity()) onpeers([one, other]);
    });
    this.#other.addEventListener('input', () => this.#other.setCustomValidity(''));
    find('#focus-close').addEventListener('click', () => onpeers([]));
  }

  /** @param {RoomPicture | null} picture @param {string[]} peers in the focus */
  show(picture, peers) {
    this.#root.hidden = picture === null;
    this.#chart.show(picture?.rate ?? null);
    if (picture === null) return;
    this.#root.dataset.focus = String(peers.length);
    if (peers.join(',') !== this.#peers.join(',') && peers.length === 2) [this.#one.value, this.#other.value] = [peers[0] ?? '', peers[1] ?? ''];
    this.#peers = peers;
    this.#focus.show(picture, peers);
    this.#showPairs(picture);
    this.#showPeers(picture);
    showFacts(find('#room-facts'), facts(picture));
  }

  /** @param {RoomPicture} picture */
  #showPairs({ pairs, report }) {
    const rows = [...pairs.values()].sort((a, b) => MOODS.indexOf(a.diagnosis.mood) - MOODS.indexOf(b.diagnosis.mood) || b.last_at - a.last_at).slice(0, SHOWN_PAIRS);
    const make = () => {
      const row = fromTemplate('pair-row');
      find('button', row).addEventListener('click', () => this.#onpeers((row.dataset.key ?? '').split(' ')));
      return row;
    };
    showRows(find('#pairs'), rows, (pair) => `${pair.a} ${pair.b}`, make, (row, pair) => this.#fillPair(row, pair));
    find('#no-pairs').hidden = rows.length > 0;
    const more = report.pair_count - rows.length;
    find('#more-pairs').hidden = more <= 0;
    say(find('#more-pairs'), `And ${Math.max(0, more)} more. To see one of them, name the two above.`);
  }

  /** @param {HTMLElement} row @param {PairReport} pair */
  #fillPair(row, pair) {
    say(find('[data-part="a"]', row), pair.a);
    say(find('[data-part="b"]', row), pair.b);
    say(find('[data-part="counts"]', row), `${pair.sent} ⇄ ${pair.received}`);
    const tries = pair.attempt > 1 ? ` · attempt ${pair.attempt}` : '';
    say(find('[data-part="note"]', row), `${pair.diagnosis.title}${tries}`);
    row.dataset.mood = pair.diagnosis.mood;
    mark(find('button', row), this.#peers.length === 2 && this.#peers.includes(pair.a) && this.#peers.includes(pair.b));
  }

  /** @param {RoomPicture} picture */
  #showPeers({ peers, report }) {
    const rows = [...peers.values()].sort((a, b) => STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status) || order(a.peer_id, b.peer_id));
    const make = () => {
      const row = fromTemplate('peer-row');
      find('button', row).addEventListener('click', () => this.#onpeers([row.dataset.key ?? '']));
      return row;
    };
    showRows(find('#peers'), rows, (peer) => peer.peer_id, make, (row, peer) => this.#fillPeer(row, peer));
    say(find('#peers-here'), String(report.peer_count));
    showRows(find('#names'), rows, (peer) => peer.peer_id, () => document.createElement('option'), (option, peer) => {
      /** @type {HTMLOptionElement} */ (option).value = peer.peer_id;
    });
  }

  /** @param {HTMLElement} row @param {PeerReport} peer */
  #fillPeer(row, peer) {
    say(find('[data-part="name"]', row), peer.peer_id);
    say(find('[data-part="role"]', row), peer.role ?? '');
    say(find('[data-part="note"]', row), peerNote(peer));
    row.dataset.status = peer.status;
    mark(find('button', row), this.#peers.length === 1 && this.#peers[0] === peer.peer_id);
  }
}

/** @param {Element} button @param {boolean} isCurrent */
function mark(button, isCurrent) {
  if (isCurrent) button.setAttribute('aria-current', 'true');
  else button.removeAttribute('aria-current');
}

/** @param {RoomPicture} picture @returns {[string, string][]} */
function facts({ report }) {
  const { policy, refusals = {}, expires_at: end = 0, max_peers: most = 0 } = report;
  const rules = Object.entries(policy ?? {}).map(([role, others]) => `${role} to ${others.join(', ') || 'nobody'}`);
  const refused = Object.entries(refusals).map(([code, count]) => `${code} ${count}`);
  /** @type {[string, string][]} */
  const all = [
    ['State', report.open ? 'somebody is here' : 'nobody is here'],
    ['Messages', report.messages.toLocaleString('en')],
    ['Lets peers in until', end > 0 ? clock(new Date(end * 1000)) : ''],
    ['Room for', most > 0 ? `${most.toLocaleString('en')} peers` : ''],
    ['Who may signal whom', report.open ? rules.join('; ') || 'everyone everyone' : ''],
    ['Refused', refused.join(', ') || 'nothing'],
  ];
  return all.filter(([, value]) => value !== '');
}

/** The whole server: how many, how busy, how well. */

import { find, fromTemplate, say } from '/static/dom.js';
import { bytes } from '/static/format.js';
import { addressOf } from './place.js';
import { perSecond, RateChart } from './rate-chart.js';
import { showRows } from './rows.js';
import { span } from './words.js';

/** @typedef {import('./picture.js').ServerPicture} ServerPicture */

const NUMBER = new Intl.NumberFormat('en');

export class Overview {
  #root = find('#overview');
  #rate = find('[data-part="rate"]', this.#root);
  #chart = new RateChart(find('#server-chart'), (value) => say(this.#rate, perSecond(value)));

  /** @param {ServerPicture | null} picture */
  show(picture) {
    this.#root.hidden = picture === null;
    this.#chart.show(picture?.rate ?? null);
    if (picture === null) return;
    const { report } = picture;
    say(find('[data-part="rooms"]', this.#root), NUMBER.format(report.room_count));
    say(find('[data-part="peers"]', this.#root), NUMBER.format(report.peer_count));
    this.#showRooms(picture);
    this.#showRefusals(report.refusals);
    showFacts(find('#node'), nodeFacts(report.node));
  }

  /** @param {ServerPicture} picture */
  #showRooms({ rooms, report }) {
    const rows = [...rooms.values()].sort((a, b) => (b.troubled ?? 0) - (a.troubled ?? 0) || b.peers - a.peers || order(a.room_id, b.room_id));
    showRows(find('#rooms'), rows, (row) => row.room_id, () => fromTemplate('room-row'), fillRoom);
    find('#no-rooms').hidden = rows.length > 0;
    const more = report.room_count - rows.length;
    find('#more-rooms').hidden = more <= 0;
    say(find('#more-rooms'), `And ${NUMBER.format(Math.max(0, more))} smaller ones.`);
  }

  /** @param {Record<string, number>} refusals */
  #showRefusals(refusals) {
    showBars(find('#refusals'), refusals);
    find('#no-refusals').hidden = Object.keys(refusals).length > 0;
  }
}

/** @param {HTMLElement} element @param {import('/sdk/protocol.js').RoomRow} row */
function fillRoom(element, row) {
  const link = /** @type {HTMLAnchorElement} */ (find('[data-part="link"]', element));
  say(link, row.room_id);
  link.href = addressOf({ room: row.room_id, peers: [] });
  const away = row.away ? ` (${row.away} away)` : '';
  say(find('[data-part="peers"]', element), `${row.peers}${away}`);
  say(find('[data-part="messages"]', element), NUMBER.format(row.messages));
  say(find('[data-part="claims"]', element), String(row.claims ?? 0));
  say(find('[data-part="refusals"]', element), String(row.refusals ?? 0));
  say(find('[data-part="troubled"]', element), String(row.troubled ?? 0));
  element.dataset.mood = row.troubled ? 'trouble' : 'plain';
}

/** @param {import('/sdk/protocol.js').NodeReport} node @returns {[string, string][]} */
function nodeFacts(node) {
  return [
    ['State', node.status],
    ['Up for', span(node.uptime_s)],
    ['Connections', NUMBER.format(node.connections)],
    ['Processor', `${node.cpu_percent.toFixed(1)} %`],
    ['Memory', bytes(node.memory_bytes)],
    ['Event loop late by', `${node.loop_lag_ms.toFixed(1)} ms at most`],
    ['Forwarded within', node.forward_p99_us > 0 ? `${node.forward_p50_us.toFixed(0)} µs (99 % within ${node.forward_p99_us.toFixed(0)})` : 'nothing forwarded yet'],
    ['Tasks', NUMBER.format(node.tasks)],
    ['Version', node.version],
  ];
}

/** @param {Element} list @param {[string, string][]} facts */
export function showFacts(list, facts) {
  const make = () => {
    const row = document.createElement('div');
    row.append(document.createElement('dt'), document.createElement('dd'));
    return row;
  };
  showRows(list, facts, ([name]) => name, make, (row, [name, value]) => {
    say(find('dt', row), name);
    say(find('dd', row), value);
  });
}

/** @param {Element} list @param {Record<string, number>} counts */
export function showBars(list, counts) {
  const rows = Object.entries(counts).sort(([a, one], [b, other]) => other - one || order(a, b));
  const most = Math.max(1, ...rows.map(([, count]) => count));
  const make = () => {
    const row = document.createElement('li');
    const [name, meter, count] = ['code', 'meter', 'span'].map((tag) => document.createElement(tag));
    if (name && meter && count) row.append(name, meter, count);
    return row;
  };
  showRows(list, rows, ([code]) => code, make, (row, [code, count]) => {
    say(find('code', row), code);
    say(find('span', row), NUMBER.format(count));
    const meter = /** @type {HTMLMeterElement} */ (find('meter', row));
    meter.max = most;
    meter.value = count;
    meter.setAttribute('aria-label', `${code}, ${count} times`);
  });
}

/** @param {string} a @param {string} b */
export function order(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

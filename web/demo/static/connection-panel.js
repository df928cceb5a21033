/** How the connection in view came about, and how well it carries. */

import { Chart } from './chart.js';
import { byTestId, find, say } from './dom.js';
import { duration, rate } from './format.js';
import { measure } from './meter.js';
import { drawTimeline, rowsOf } from './timeline.js';
import { TracedPeerConnection } from './trace.js';

/** @typedef {import('./conversation.js').Conversation} Conversation */
/** @typedef {import('./meter.js').Sample} Sample */

/** @type {Record<string, string>} */
const ROUTES = {
  host: 'Direct, same network',
  prflx: 'Direct, through a NAT',
  srflx: 'Direct, through a NAT',
  relay: 'Relayed by a TURN server',
};
/** From the straightest to the most roundabout. */
const ORDER = ['host', 'prflx', 'srflx', 'relay'];

export class ConnectionPanel {
  #root = find('#link');
  #pair = byTestId('candidate-pair');
  #roundTrip = byTestId('rtt-chart');
  #rates = byTestId('rate-chart');
  #tripChart = new Chart(this.#roundTrip, { title: 'Round trip', series: ['trip'], format: duration });
  #rateChart = new Chart(this.#rates, {
    title: 'Throughput, out and in',
    series: ['out', 'in'],
    format: (perS) => rate(perS, 1000),
  });
  /** @type {Conversation | null} */
  #shown = null;
  #leaving = new AbortController();
  /** @type {RTCPeerConnection | null} */
  #watched = null;
  #drawing = 0;

  /** @param {Conversation | null} conversation */
  show(conversation) {
    if (conversation === this.#shown) return;
    this.#leaving.abort();
    this.#leaving = new AbortController();
    this.#shown = conversation;
    this.#watched = null;
    this.#clear();
    if (conversation === null) return this.refresh();
    const { signal } = this.#leaving;
    conversation.addEventListener('change', () => this.refresh(), { signal });
    const current = () => (conversation.connection?.isOver ? null : (conversation.connection?.pc ?? null));
    measure(current, (sample) => this.#measured(sample), signal);
    return this.refresh();
  }

  refresh() {
    const connection = this.#shown?.connection ?? null;
    find('#link-empty').hidden = connection !== null;
    find('#link-body').hidden = connection === null;
    this.#root.dataset.state = this.#shown?.state ?? 'idle';
    const pc = connection?.pc;
    if (this.#shown?.state !== 'open') byTestId('pair-type').hidden = true;
    if (!(pc instanceof TracedPeerConnection)) return;
    if (this.#watched !== pc) {
      this.#watched = pc;
      this.#clear();
      pc.trace.addEventListener('step', () => this.#drawSoon(), { signal: this.#leaving.signal });
    }
    this.#drawSoon();
  }

  #clear() {
    this.#pair.hidden = true;
    this.#tripChart.clear();
    this.#rateChart.clear();
    for (const figure of [this.#roundTrip, this.#rates]) say(find('output', figure), '');
  }

  /** Steps come in bunches: one drawing for each. */
  #drawSoon() {
    if (this.#drawing) return;
    this.#drawing = setTimeout(() => {
      this.#drawing = 0;
      const pc = this.#shown?.connection?.pc;
      if (pc instanceof TracedPeerConnection) drawTimeline(byTestId('timeline'), rowsOf(pc.trace));
    }, 60);
  }

  /** @param {Sample} sample */
  #measured({ local, remote, roundTripMs, sentPerS, receivedPerS }) {
    const type = ORDER[Math.max(ORDER.indexOf(local.type), ORDER.indexOf(remote.type))] ?? local.type;
    const isOpen = this.#shown?.state === 'open';
    const trip = roundTripMs === null ? '' : ` · ${duration(roundTripMs)}`;
    const line = byTestId('pair-type');
    line.hidden = !isOpen;
    line.dataset.type = type;
    say(line, `${ROUTES[type] ?? 'Direct'}${trip}`);
    this.#pair.hidden = false;
    this.#pair.dataset.type = type;
    say(this.#part('words'), ROUTES[type] ?? 'Direct');
    say(this.#part('local-type'), local.type);
    say(this.#part('remote-type'), remote.type);
    say(this.#part('local'), `${local.protocol} ${local.address}`);
    say(this.#part('remote'), `${remote.protocol} ${remote.address}`);
    this.#tripChart.add([roundTripMs]);
    this.#rateChart.add([sentPerS, receivedPerS]);
    say(find('output', this.#roundTrip), roundTripMs === null ? '' : duration(roundTripMs));
    say(find('output', this.#rates), `↑ ${rate(sentPerS, 1000)}  ↓ ${rate(receivedPerS, 1000)}`);
  }

  /** @param {string} name */
  #part(name) {
    return find(`[data-part="${name}"]`, this.#pair);
  }
}

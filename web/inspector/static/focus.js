/** What happened: in the whole room, to one peer, or between two, as a ladder with one rail for each. */

import { find, fromTemplate, say } from '/static/dom.js';
import { describe } from './words.js';

/** @typedef {import('./picture.js').RoomPicture} RoomPicture */
/** @typedef {import('/sdk/protocol.js').TimelineEntry} TimelineEntry */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
/** What is shown of a timeline at once. */
const SHOWN = 200;

export class Focus {
  #list = find('#timeline');
  #lanes = find('#lanes');
  #verdict = find('#verdict');
  /** @type {WeakMap<TimelineEntry, HTMLElement>} */
  #rows = new WeakMap();
  #shown = '';

  /** @param {RoomPicture} picture @param {string[]} peers */
  show(picture, peers) {
    const [one, other] = peers;
    const title = one === undefined ? 'What happens' : other === undefined ? one : `${one} and ${other}`;
    say(find('#focus-title'), title);
    find('#focus-close').hidden = peers.length === 0;
    this.#showVerdict(peers.length === 2 ? (picture.report.diagnosis ?? null) : null);
    this.#lanes.hidden = peers.length !== 2;
    this.#list.classList.toggle('ladder', peers.length === 2);
    [...this.#lanes.children].forEach((lane, index) => say(lane, peers[index] ?? ''));
    this.#showTimeline(picture.timeline.slice(-SHOWN), peers);
  }

  /** @param {import('/sdk/protocol.js').Diagnosis | null} diagnosis */
  #showVerdict(diagnosis) {
    this.#verdict.hidden = diagnosis === null;
    if (diagnosis === null) return;
    this.#verdict.dataset.mood = diagnosis.mood;
    this.#verdict.dataset.verdict = diagnosis.verdict;
    say(find('.verdict-title', this.#verdict), diagnosis.title);
    say(find('.verdict-advice', this.#verdict), diagnosis.advice);
  }

  /** @param {TimelineEntry[]} entries @param {string[]} peers */
  #showTimeline(entries, peers) {
    const list = this.#list;
    const key = peers.join(',');
    const isNew = key !== this.#shown;
    if (isNew) {
      this.#rows = new WeakMap();
      this.#shown = key;
      list.replaceChildren();
    }
    const atEnd = isNew || list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    const rows = entries.map((entry) => this.#row(entry, peers));
    const kept = new Set(rows);
    for (const row of [...list.children]) if (!kept.has(/** @type {HTMLElement} */ (row))) row.remove();
    rows.forEach((row, index) => list.children[index] !== row && list.insertBefore(row, list.children[index] ?? null));
    find('#no-timeline').hidden = entries.length > 0;
    if (atEnd) list.scrollTop = list.scrollHeight;
  }

  /** @param {TimelineEntry} entry @param {string[]} peers */
  #row(entry, peers) {
    const known = this.#rows.get(entry);
    if (known) return known;
    const row = fromTemplate('entry');
    const { title, note, mood } = describe(entry);
    const time = /** @type {HTMLTimeElement} */ (find('time', row));
    const date = new Date(entry.at * 1000);
    time.dateTime = date.toISOString();
    say(time, `${CLOCK.format(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`);
    const signal = entry.to !== undefined && !entry.event.startsWith('claim');
    const who = peers.length === 2 ? `${entry.peer}: ` : signal ? `${entry.peer} to ${entry.to}: ` : `${entry.peer} `;
    const words = find('.entry-title', row);
    if (peers.length === 2) {
      // The rails say who it is to those who see them.
      const name = document.createElement('span');
      name.className = 'unseen';
      name.textContent = who;
      words.append(name, title);
    } else say(words, who + title);
    say(find('.entry-note', row), note);
    row.dataset.event = entry.event;
    row.dataset.mood = mood;
    row.dataset.side = entry.peer === peers[0] ? 'one' : 'other';
    row.dataset.kind = signal && peers.length === 2 ? (entry.event === 'refused' || entry.event === 'undelivered' ? 'stopped' : 'signal') : 'own';
    if (peers.length === 2 && ['connected', 'failed', 'closed'].includes(entry.event)) row.dataset.kind = 'own';
    this.#rows.set(entry, row);
    return row;
  }
}

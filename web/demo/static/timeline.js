/** The handshake of one connection, step by step. */

import { duration } from './format.js';

/** @typedef {import('./trace.js').Trace} Trace */
/** @typedef {{ key: string, words: string, detail: string, at: number | null, share: number }} Row `share` of the way to the end, 0 to 1 */

/** @type {Record<string, string>} */
const WORDS = {
  'local-offer': 'Offer sent',
  'remote-offer': 'Offer received',
  'local-answer': 'Answer sent',
  'remote-answer': 'Answer received',
  'ice-checking': 'Trying candidate pairs',
  'ice-connected': 'A pair answers',
  'dtls-connecting': 'DTLS begins',
  'dtls-connected': 'DTLS: keys agreed',
  'channel-announced': 'Channel announced',
  'channel-open': 'Channel open',
};

/** @type {Record<string, string>} */
const CANDIDATES = {
  host: 'address of an interface',
  srflx: 'address outside of the NAT',
  prflx: 'address learned on the way',
  relay: 'address at a TURN server',
};

/**
 * @param {Trace} trace
 * @returns {Row[]}
 */
export function rowsOf(trace) {
  const steps = trace.steps;
  const span = Math.max(steps.at(-1)?.at ?? 0, trace.beganAt + 1) - trace.beganAt;
  const rows = steps.map(({ name, at, count }) => {
    const [, side, type = ''] = /^(local|remote)-(host|srflx|prflx|relay)$/.exec(name) ?? [];
    const words = side ? `${side === 'local' ? 'Own' : 'Their'} ${type} candidate${count > 1 ? `s (${count})` : ''}` : (WORDS[name] ?? name);
    const detail = side ? (CANDIDATES[type] ?? '') : '';
    return { key: name, words, detail, at: at - trace.beganAt, share: (at - trace.beganAt) / span };
  });
  if (trace.restarts > 0) {
    rows.push({ key: 'restart', words: `Path looked for anew (${trace.restarts})`, detail: 'ICE restart', at: span, share: 1 });
  }
  return [...arrival(), ...rows];
}

/** How this page got into the room, before any connection. @returns {Row[]} */
function arrival() {
  const [signIn] = performance.getEntriesByName('heliograph:sign-in').slice(-1);
  const [register] = performance.getEntriesByName('heliograph:register').slice(-1);
  return [
    {
      key: 'sign-in',
      words: 'Signed in',
      detail: signIn ? `took ${duration(signIn.duration)}` : 'before this page was loaded',
      at: null,
      share: 0,
    },
    { key: 'register', words: 'Registered in the room', detail: register ? `took ${duration(register.duration)}` : '', at: null, share: 0 },
  ];
}

/** @param {HTMLElement} list @param {Row[]} rows */
export function drawTimeline(list, rows) {
  const items = rows.map(({ key, words, detail, at, share }) => {
    const item = document.createElement('li');
    item.dataset.step = key;
    item.style.setProperty('--share', share.toFixed(3));
    const parts = [
      ['step-words', words],
      ['step-time', at === null ? '' : `+${at < 1 ? '0 ms' : duration(at)}`],
      ['step-detail', detail],
    ].map(([className = '', text = '']) => {
      const span = document.createElement('span');
      span.className = className;
      span.textContent = text;
      return span;
    });
    item.append(...parts);
    return item;
  });
  list.replaceChildren(...items);
}

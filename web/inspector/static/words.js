/** What happened, in words. Everything here is text; nothing is ever markup. */

import { bytes } from '/static/format.js';

/** @typedef {import('/sdk/protocol.js').TimelineEntry} TimelineEntry */
/** @typedef {import('/sdk/protocol.js').PeerReport} PeerReport */

/** @type {Record<string, string>} */
const LEFT = { left: 'said good-bye', timed_out: 'did not come back', removed: 'was put out', room_closed: 'the room was closed', moved: 'to another node' };
/** @type {Record<string, string>} */
const CLAIM_ENDS = { released: 'given back', expired: 'expired', left: 'one of them left' };
/** @type {Record<string, string>} */
const ERRORS = { worker_busy: 'is busy', not_accepting: 'accepts no connections', connection_closed: 'has ended it' };

/** @param {TimelineEntry} entry @returns {{ title: string, note: string, mood: 'good' | 'trouble' | 'plain' }} */
export function describe(entry) {
  const { title, notes = [], mood = 'plain' } = told(entry);
  const times = (entry.count ?? 1) > 1 ? [`${entry.count} times`] : [];
  return { title, note: [...notes, ...times].filter(Boolean).join(' · '), mood };
}

/** @param {TimelineEntry} entry @returns {{ title: string, notes?: string[], mood?: 'good' | 'trouble' | 'plain' }} */
function told(entry) {
  const { event, to = '', reason = '', code = '', said = 'a message' } = entry;
  switch (event) {
    case 'registered':
      return { title: 'came in', notes: [`as ${entry.role ?? 'peer'}`, `level ${entry.level ?? 1}`], mood: 'good' };
    case 'turned_away':
      return { title: 'was not let in', notes: [code], mood: 'trouble' };
    case 'away':
      return { title: 'lost its connection', notes: [closing(entry)], mood: 'trouble' };
    case 'back':
      return { title: 'is back', mood: 'good' };
    case 'left':
      return { title: 'left', notes: [LEFT[reason] ?? reason, closing(entry)] };
    case 'replaced':
      return { title: 'was replaced by a newer connection', notes: [closing(entry)] };
    case 'regrouped':
      return { title: 'changed its groups' };
    case 'claim_waits':
      return { title: 'waits for a free peer' };
    case 'claimed':
      return { title: `claimed ${to}` };
    case 'claim_ended':
      return { title: `claim on ${to} is over`, notes: [CLAIM_ENDS[reason] ?? reason] };
    case 'offer':
      return { title: entry.restart ? 'offer, for another path' : 'offer', notes: signal(entry) };
    case 'answer':
      return { title: 'answer', notes: signal(entry) };
    case 'candidate':
      return candidate(entry);
    case 'quit':
      return { title: 'hung up', notes: signal(entry) };
    case 'error':
      return { title: ERRORS[reason] ?? 'refuses, in words of its own', mood: reason === 'connection_closed' ? 'plain' : 'trouble' };
    case 'refused':
      return { title: `${said} refused by the server`, notes: [code], mood: 'trouble' };
    case 'undelivered':
      return { title: 'what waited was never delivered', mood: 'trouble' };
    case 'not_recorded':
      return { title: 'sends so much that no more is recorded for 10 s' };
    case 'connected':
      return { title: 'connected', notes: path(entry), mood: 'good' };
    case 'failed':
      return { title: 'found no path', mood: 'trouble' };
    case 'closed':
      return { title: 'the connection is over' };
    default:
      return { title: event };
  }
}

/** @param {TimelineEntry} entry */
function closing({ closed_by: by, close_code: code }) {
  if (by === undefined) return '';
  if (by === 'network') return 'the network, without a close frame';
  return `closed by ${by === 'server' ? 'the server' : 'the peer'}, code ${code}`;
}

/** @param {TimelineEntry} entry */
function signal({ size = 0, candidates = [], outcome }) {
  const found = candidates.length > 0 ? `candidates: ${candidates.join(', ')}` : '';
  return [size > 0 ? bytes(size) : '', found, outcome === 'buffered' ? 'waits, the other is away' : ''];
}

/** @param {TimelineEntry} entry */
function candidate({ candidates = [], transport, end = false, outcome }) {
  const waits = outcome === 'buffered' ? 'waits, the other is away' : '';
  if (end) return { title: 'no more candidates', notes: [waits] };
  return { title: `candidate: ${candidates.join(', ') || 'unknown'}`, notes: [transport ?? '', waits] };
}

/** @param {TimelineEntry} entry */
function path({ local, remote, took_ms: ms }) {
  return [local && remote ? `${local} to ${remote}` : '', ms === undefined ? '' : `in ${(ms / 1000).toFixed(2)} s`];
}

/** @param {PeerReport} peer */
export function peerNote(peer) {
  const { claims = [], claimed_by: by = [], refusals = 0, groups = [] } = peer;
  return [
    peer.status === 'online' ? '' : peer.status,
    groups.length > 0 && !(groups.length === 1 && groups[0] === 'default') ? `in ${groups.join(', ')}` : '',
    (peer.grants ?? []).includes('manage') ? 'may manage' : '',
    by.length > 0 ? `claimed by ${by.join(', ')}` : '',
    claims.length > 0 ? `holds ${claims.join(', ')}` : '',
    refusals > 0 ? `${refusals} refused` : '',
  ]
    .filter(Boolean)
    .join(' · ');
}

/** @param {number} seconds */
export function span(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

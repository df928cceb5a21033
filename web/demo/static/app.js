/** The page: moves between the start screen and a room. */

import { connect, createRoom, PeerIdTaken } from '/sdk/index.js';
import { Banner } from './banner.js';
import { Identity } from './identity.js';
import { forgetVisit, keepVisit, takeVisit } from './kept-visit.js';
import { parseRoomLink, roomLink } from './room-link.js';
import { OWN_PROPERTIES, OWN_TAGS, RoomView } from './room-view.js';
import { StartView } from './start-view.js';
import { TracedPeerConnection } from './trace.js';

/** @typedef {import('./room-link.js').RoomTarget} RoomTarget */
/** @typedef {import('./kept-visit.js').KeptVisit} KeptVisit */

performance.mark('heliograph:start');
const identifying = Identity.ofThisTab(); // on its way before anything is drawn

const banner = new Banner();
const startView = new StartView(
  () => void create(),
  (target) => void join(target),
);
const roomView = new RoomView(banner, { onLeave: leave, onRejoin: () => void rejoin() });

/** Only the newest attempt to get somewhere counts. */
let attempt = 0;

async function create() {
  banner.hide();
  startView.busy = true;
  try {
    const identity = await identifying;
    const { roomId, token } = await identity.withToken((idToken) => createRoom(location.origin, idToken));
    await join({ room: roomId, token, connect: null });
  } catch (error) {
    banner.show(error, { label: 'Try again', run: () => void create() });
  } finally {
    startView.busy = false;
  }
}

/** @param {RoomTarget} target */
async function join(target) {
  const current = ++attempt;
  banner.hide();
  roomView.leave();
  const identity = await identifying;
  const kept = takeVisit(target.room, identity.peerId);
  remember(target);
  startView.hide();
  roomView.show(target, identity.peerId);
  try {
    const start = performance.now();
    const session = await enter(target, identity, kept);
    if (current !== attempt) return session.close();
    performance.measure('heliograph:register', { start, end: performance.now() });
    performance.mark('heliograph:registered');
    roomView.enter(session, kept);
  } catch (error) {
    if (current !== attempt) return;
    roomView.leave();
    startView.show(target);
    banner.show(error, { label: 'Try again', run: () => void join(target) });
  }
}

/**
 * @param {RoomTarget} target @param {Identity} identity @param {KeptVisit | null} kept
 */
async function enter({ room, token }, identity, kept) {
  const options = {
    room,
    token,
    idToken: identity.idToken,
    role: 'browser',
    tags: OWN_TAGS,
    properties: OWN_PROPERTIES,
    connections: { RTCPeerConnection: TracedPeerConnection },
  };
  const ticket = /** @type {import('/sdk/core.js').Ticket | null} */ (kept?.ticket ?? null);
  try {
    return await connect({ ...options, ticket, peerId: identity.peerId });
  } catch (error) {
    if (!(error instanceof PeerIdTaken)) throw error;
    await identity.rename();
    roomView.show({ room, token, connect: null }, identity.peerId);
    return connect({ ...options, peerId: identity.peerId });
  }
}

async function rejoin() {
  const target = parseRoomLink(location.hash);
  if (target) await join(target);
}

function leave() {
  attempt += 1;
  banner.hide();
  roomView.leave();
  forgetVisit();
  history.pushState(null, '', '/');
  startView.show();
  document.getElementById('create-room')?.focus();
}

/** Puts the room into the address, so that a reload comes back to it. @param {RoomTarget} target */
function remember(target) {
  const known = parseRoomLink(location.hash);
  if (known?.room === target.room && known.token === target.token) return;
  history.pushState(null, '', new URL(roomLink(target.room, target.token)));
}

function followAddress() {
  const target = parseRoomLink(location.hash);
  if (target) return void join(target);
  attempt += 1;
  roomView.leave();
  return startView.show();
}

addEventListener('hashchange', followAddress);
// Followed as a link, it would take the room out of the address.
document.querySelector('.skip')?.addEventListener('click', (event) => {
  event.preventDefault();
  document.getElementById('content')?.focus();
});
addEventListener('pagehide', () => {
  const visit = roomView.suspend();
  if (visit) keepVisit(visit);
});
addEventListener('pageshow', ({ persisted }) => persisted && followAddress());
followAddress();

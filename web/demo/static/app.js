/** The page: moves between the start screen and a room. */

import { connect, createRoom, PeerIdTaken } from '/sdk/index.js';
import { Banner } from './banner.js';
import { parseRoomLink, roomLink } from './room-link.js';
import { RoomView } from './room-view.js';
import { StartView } from './start-view.js';
import { identifying } from './tab.js';

/** @typedef {import('./room-link.js').RoomTarget} RoomTarget */

const iceServers = /** @type {RTCIceServer[]} */ (JSON.parse(document.documentElement.dataset.iceServers || '[]'));
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
  remember(target);
  startView.hide();
  roomView.show(target, identity.peerId);
  try {
    const session = await enter(target, identity);
    if (current !== attempt) return session.close();
    performance.mark('heliograph:registered');
    roomView.enter(session);
  } catch (error) {
    if (current !== attempt) return;
    roomView.leave();
    startView.show(target);
    banner.show(error, { label: 'Try again', run: () => void join(target) });
  }
}

/** @param {RoomTarget} target @param {import('./identity.js').Identity} identity */
async function enter({ room, token }, identity) {
  const options = { room, token, idToken: identity.idToken, connections: { iceServers } };
  try {
    return await connect({ ...options, peerId: identity.peerId });
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
  history.pushState(null, '', '/');
  startView.show();
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
addEventListener('pagehide', () => roomView.leave()); // the others are told at once
addEventListener('pageshow', ({ persisted }) => persisted && followAddress());
followAddress();

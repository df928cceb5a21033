/** The page: moves between the start screen and a room. */

import { createRoom } from '/sdk/http.js';
import { ServerUnreachable } from '/sdk/errors.js';
import { Banner } from './banner.js';
import { Identity } from './identity.js';
import { parseRoomLink, roomLink } from './room-link.js';
import { StartView } from './start-view.js';

/** @typedef {import('./room-link.js').RoomTarget} RoomTarget */
/** @typedef {import('./room.js').Room} Room */

performance.mark('heliograph:start');
const identifying = Identity.ofThisTab(); // on its way before anything is drawn

const banner = new Banner();
const startView = new StartView({
  onCreate: () => void create(),
  onJoin: (target) => void join(target),
  onInterest: () => void load().catch(() => {}), // whoever goes on is told
});

/** @type {Promise<Room> | null} */
let loading = null;
/** Only the newest attempt to get somewhere counts. */
let attempt = 0;

/** The room's part of the page. @returns {Promise<Room>} */
function load() {
  loading ??= import('./room.js').then(
    ({ Room }) => new Room(banner, { onLeave: leave, onRejoin: followAddress }),
    (cause) => {
      loading = null;
      throw new ServerUnreachable('The rest of the page could not be loaded', { cause });
    },
  );
  return loading;
}

async function create() {
  const current = ++attempt;
  banner.hide();
  startView.busy = true;
  try {
    void load().catch(() => {}); // on its way; the one who joins sees the failure
    const identity = await identifying;
    const { roomId, token } = await identity.withToken((idToken) => createRoom(location.origin, idToken));
    if (current === attempt) await join({ room: roomId, token, connect: null });
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
  remember(target);
  try {
    const [room, identity] = await Promise.all([load(), identifying]);
    if (current !== attempt) return;
    startView.hide();
    await room.join(target, identity);
  } catch (error) {
    if (current !== attempt) return;
    startView.show(target);
    banner.show(error, { label: 'Try again', run: () => void join(target) });
  }
}

/** @param {boolean} [isFocused] puts the cursor where one goes on */
async function showStart(isFocused = false) {
  attempt += 1;
  startView.show();
  if (isFocused) document.getElementById('create-room')?.focus();
  if (loading) (await loading).leave();
}

function leave() {
  banner.hide();
  history.pushState(null, '', '/');
  void showStart(true);
}

/** Puts the room into the address, so that a reload comes back to it. @param {RoomTarget} target */
function remember(target) {
  const known = parseRoomLink(location.hash);
  if (known?.room === target.room && known.token === target.token) return;
  history.pushState(null, '', new URL(roomLink(target.room, target.token)));
}

function followAddress() {
  const target = parseRoomLink(location.hash);
  if (target) void join(target);
  else void showStart();
}

addEventListener('hashchange', followAddress);
// Followed as a link, it would take the room out of the address.
document.querySelector('.skip')?.addEventListener('click', (event) => {
  event.preventDefault();
  document.getElementById('content')?.focus();
});
addEventListener('pageshow', ({ persisted }) => persisted && followAddress());
followAddress();

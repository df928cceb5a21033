/** The inspector: a way in, a place, and the picture of it. */

import { HeliographError, NotPermitted, Refused, ServerUnreachable } from '/sdk/errors.js';
import { find, say } from '/static/dom.js';
import { Overview } from './overview.js';
import { RoomPicture, ServerPicture } from './picture.js';
import { addressOf, placeOf } from './place.js';
import { Room } from './room.js';
import { MemberSource, OperatorSource } from './sources.js';

const OPERATOR = 'heliograph:operator';
const STATES = { connecting: 'Connecting…', online: 'Live', reconnecting: 'Connection lost, trying again…', closed: 'Not connected' };

const overview = new Overview();
const room = new Room((peers) => (location.hash = addressOf({ ...placeOf(location.hash), peers })));
const gate = find('#gate');
const operatorToken = /** @type {HTMLInputElement} */ (find('#operator-token'));

/** @type {MemberSource | OperatorSource | null} */
let source = null;
/** What is shown. @type {RoomPicture | ServerPicture | null} */
let picture = null;
/** Of which room it is the source: another one needs another. */
let entered = '';
let drawing = false;

/** @type {import('./sources.js').Ear} */
const ear = {
  view(message) {
    const { at, room: report, server } = message;
    const whole = message.type === 'inspection';
    if (server) {
      if (!whole && picture instanceof ServerPicture) picture.change(server, at);
      else if (whole) picture = new ServerPicture(server, at);
    } else if (report) {
      if (!whole && picture instanceof RoomPicture && picture.report.room_id === report.room_id) picture.change(report, at);
      else if (whole) picture = new RoomPicture(report, at);
    }
    draw();
  },
  state(state, error) {
    const element = find('#server-state');
    element.dataset.state = state;
    say(element, STATES[state]);
    if (state === 'closed' && error) refuse(error);
  },
};

/** At most once a frame. */
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const peers = picture instanceof RoomPicture ? (picture.report.focus ?? []) : [];
    overview.show(picture instanceof ServerPicture ? picture : null);
    room.show(picture instanceof RoomPicture ? picture : null, inOrder(peers));
    document.body.dataset.screen = picture === null ? 'gate' : picture instanceof RoomPicture ? 'one-room' : 'all-rooms';
  });
}

/** The focus as the address has it: who stands first stands on the left. @param {string[]} peers */
function inOrder(peers) {
  const wanted = placeOf(location.hash).peers;
  return wanted.length === peers.length && wanted.every((name) => peers.includes(name)) ? wanted : peers;
}

/** Goes where the address says. */
async function go() {
  const place = placeOf(location.hash);
  const operator = sessionStorage.getItem(OPERATOR);
  const asMember = place.token !== null && place.room !== null;
  const key = asMember ? `${place.room} ${place.token}` : operator === null ? '' : 'operator';
  showPlace(place.room, !asMember && operator !== null);
  if (key !== entered) {
    source?.close();
    [source, picture, entered] = [null, null, key];
    draw();
  }
  if (key === '') return showGate('');
  if (source === null) {
    gate.hidden = true;
    const opening = asMember ? new MemberSource({ room: place.room ?? '', token: place.token ?? '' }, ear) : new OperatorSource(operator ?? '', ear);
    source = opening;
    source.show({ room: place.room, peers: place.peers });
    try {
      await opening.open();
    } catch (error) {
      return opening === source ? refuse(/** @type {Error} */ (error)) : undefined;
    }
  }
  // Where one went while it opened.
  const now = placeOf(location.hash);
  source?.show({ room: now.room, peers: now.peers });
  return undefined;
}

/** @param {string | null} name @param {boolean} asOperator */
function showPlace(name, asOperator) {
  find('#where').hidden = name === null && !asOperator;
  find('#all-rooms').hidden = !asOperator || name === null;
  find('#where-room').hidden = name === null;
  say(find('code', find('#where-room')), name ?? '');
  find('#sign-out').hidden = !asOperator;
  document.title = name === null ? 'Inspector · Heliograph' : `Room ${name} · Inspector`;
}

/** @param {Error} error */
function refuse(error) {
  const asOperator = entered === 'operator';
  source?.close();
  [source, picture, entered] = [null, null, ''];
  if (asOperator && error instanceof NotPermitted) sessionStorage.removeItem(OPERATOR);
  Object.assign(find('#server-state').dataset, { state: 'idle' });
  draw();
  showGate(words(error, asOperator));
}

/** @param {Error} error @param {boolean} asOperator */
function words(error, asOperator) {
  if (error instanceof ServerUnreachable) return 'The server cannot be reached. Load the page again when it is back.';
  if (error instanceof NotPermitted && asOperator) return 'That is not the token of this server’s operator, or the server has none: HELIOGRAPH_OPERATOR_TOKEN sets it.';
  if (error instanceof NotPermitted) return 'Only the room’s creator may inspect it. Open the inspector from the room that you have created, in the browser in which you did.';
  if (error instanceof Refused) return 'The server does not let this page into the room: its link may be old, or the room is over.';
  return error instanceof HeliographError ? 'The connection was ended. Load the page again.' : 'Something is wrong with this page.';
}

/** @param {string} trouble */
function showGate(trouble) {
  gate.hidden = false;
  say(find('#gate-trouble'), trouble);
  document.body.dataset.screen = 'gate';
}

find('#gate-form').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem(OPERATOR, operatorToken.value.trim());
  operatorToken.value = '';
  const { room: name, peers, token } = placeOf(location.hash);
  if (token === null) void go();
  else location.hash = addressOf({ room: name, peers });
});
find('#sign-out').addEventListener('click', () => {
  sessionStorage.removeItem(OPERATOR);
  location.hash = '';
  void go();
});
find('#skip').addEventListener('click', (event) => {
  event.preventDefault(); // the fragment is the place
  find('#content').focus();
});
find('#all-rooms').addEventListener('click', (event) => {
  event.preventDefault();
  location.hash = '';
});
addEventListener('hashchange', () => void go());
addEventListener('pagehide', () => source?.close());
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
void go();

/** One message, as an entry of a conversation. */

import { find, fromTemplate, say } from './dom.js';
import { bytes, clock } from './format.js';

/** A longer message shows its beginning, and the rest when it is asked for. */
const SHOWN_LENGTH = 2000;
/** What is shown at most, even then: a page of more would hardly move. */
const MAX_SHOWN_LENGTH = 100_000;

/**
 * @param {'out' | 'in'} direction @param {string} from @param {string} text @param {Date} at
 * @returns {HTMLElement}
 */
export function messageEntry(direction, from, text, at) {
  const element = fromTemplate('chat-message');
  element.dataset.direction = direction;
  say(find('.message-from', element), `${from}: `);
  say(find('.message-time', element), clock(at));
  find('.message-time', element).setAttribute('datetime', at.toISOString());
  const words = find('.message-text', element);
  if (text.length <= SHOWN_LENGTH) {
    say(words, text);
    return element;
  }
  say(words, `${text.slice(0, SHOWN_LENGTH)}…`);
  const more = find('.message-more', element);
  const rest = text.length > MAX_SHOWN_LENGTH ? `the first ${bytes(MAX_SHOWN_LENGTH)} of ${bytes(text.length)}` : `all of it`;
  say(more, `Show ${rest}`);
  more.hidden = false;
  more.addEventListener('click', () => {
    say(words, text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text);
    more.hidden = true;
  });
  return element;
}

/** One call of a method at the other side, and its results as they come. */

import { HeliographError } from '/sdk/errors.js';
import { announce } from './announcer.js';
import { byTestId, fromTemplate, say } from './dom.js';
import { duration, oneLine } from './format.js';
import { callEnding } from './sentences.js';

/** Results that are shown; of a longer stream, the last ones. */
const MAX_LINES = 200;
const MAX_LINE_LENGTH = 2000;

export class CallEntry {
  element = fromTemplate('call-item');
  #lines = byTestId('call-lines', this.element);
  #status = byTestId('call-status', this.element);
  #cancel = byTestId('call-cancel', this.element);
  #abort = new AbortController();
  #startedAt = performance.now();
  #count = 0;

  /** @param {string} method @param {unknown[]} args */
  constructor(method, args) {
    this.method = method;
    this.args = args;
    this.element.dataset.direction = 'out';
    this.element.dataset.state = 'running';
    this.element.setAttribute('aria-label', `Call of ${method}`);
    say(byTestId('call-name', this.element), `${method}(${args.map((value) => oneLine(value, 200)).join(', ')})`);
    say(this.#status, 'Running…');
    this.#cancel.setAttribute('aria-label', `Cancel the call of ${method}`);
    this.#cancel.addEventListener('click', () => this.#abort.abort());
  }

  /** @param {import('/sdk/index.js').Connection} connection @param {() => void} onPart */
  async run(connection, onPart) {
    try {
      for await (const value of this.#results(connection)) {
        this.#add(value);
        onPart();
      }
      this.#end('done', this.#count === 1 ? 'Answered' : `${this.#count} results`);
    } catch (error) {
      if (this.#abort.signal.aborted) this.#end('cancelled', this.#count > 0 ? `Cancelled after ${this.#count}` : 'Cancelled');
      else this.#end('failed', callEnding(error));
    }
  }

  /** Whether a method streams, its peer alone knows: the wrong way is refused before it runs. @param {import('/sdk/index.js').Connection} connection */
  async *#results(connection) {
    const options = { signal: this.#abort.signal };
    try {
      yield* connection.stream(this.method, this.args, options);
    } catch (error) {
      if (!(error instanceof HeliographError) || error.code !== 'WRONG_KIND' || this.#count > 0) throw error;
      yield await connection.call(this.method, this.args, options);
    }
  }

  /** @param {unknown} value */
  #add(value) {
    this.#count += 1;
    const line = document.createElement('li');
    line.dataset.testid = 'call-line';
    line.textContent = oneLine(value, MAX_LINE_LENGTH);
    const atEnd = this.#lines.scrollHeight - this.#lines.scrollTop - this.#lines.clientHeight < 8;
    this.#lines.append(line);
    if (this.#count > MAX_LINES) {
      this.#lines.firstElementChild?.remove();
      this.#lines.setAttribute('start', String(this.#count - MAX_LINES + 1));
    }
    this.#lines.hidden = false;
    if (atEnd) this.#lines.scrollTop = this.#lines.scrollHeight;
    say(this.#status, `${this.#count} ${this.#count === 1 ? 'result' : 'results'} so far…`);
  }

  /** @param {'done' | 'failed' | 'cancelled'} state @param {string} words */
  #end(state, words) {
    this.element.dataset.state = state;
    this.#cancel.hidden = true;
    say(this.#status, `${words} · ${duration(performance.now() - this.#startedAt)}`);
    announce(`${this.method}: ${words}`);
  }
}

/**
 * What a person wrote as the arguments: nothing, one JSON value, or a list of several.
 * @param {string} text
 * @returns {unknown[]}
 * @throws {SyntaxError}
 */
export function parseArguments(text) {
  if (text.trim() === '') return [];
  const value = JSON.parse(text);
  return Array.isArray(value) ? value : [value];
}

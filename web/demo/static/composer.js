/** Where a person writes a message, calls a method, or chooses files. */

import { parseArguments } from './call-entry.js';
import { MAX_MESSAGE_LENGTH } from './conversation.js';
import { byTestId, find, say } from './dom.js';

/** @typedef {import('./conversation.js').Conversation} Conversation */
/** @typedef {{ message: string, method: string, argument: string }} Draft */

const MAX_METHODS = 50;

export class Composer {
  #input = /** @type {HTMLTextAreaElement} */ (byTestId('chat-input'));
  #files = /** @type {HTMLInputElement} */ (byTestId('file-input'));
  #method = /** @type {HTMLInputElement} */ (byTestId('call-method'));
  #argument = /** @type {HTMLTextAreaElement} */ (byTestId('call-argument'));
  #hint = byTestId('call-hint');
  #current;
  /** Whose draft the fields have. @type {Conversation | null} */
  #shown = null;
  /** The argument of the last call, which stays in its field. */
  #called = '';
  #methods = '';

  /**
   * @param {() => Conversation | null} current the one to which all goes, if it is open
   * @param {(error: unknown) => void} onError
   */
  constructor(current, onError) {
    this.#current = current;
    this.onError = onError;
    for (const button of document.querySelectorAll('.mode')) {
      button.addEventListener('click', () => this.#choose(/** @type {HTMLElement} */ (button).dataset.mode ?? ''));
    }
    find('#composer').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#send();
    });
    find('#caller').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#call();
    });
    submitOnEnter(this.#input);
    submitOnEnter(this.#argument);
    find('#choose-file').addEventListener('click', () => this.#files.click());
    this.#files.addEventListener('change', () => {
      this.sendFiles(this.#files.files);
      this.#files.value = '';
    });
    this.#takeDrops();
  }

  /** What is written stays with its conversation. @param {Conversation | null} conversation */
  show(conversation) {
    if (conversation === this.#shown) return;
    if (this.#shown) {
      const [message, method, argument] = [this.#input.value, this.#method.value, this.#argument.value];
      this.#shown.draft = { message, method, argument };
    }
    this.#shown = conversation;
    const { message, method, argument } = conversation?.draft ?? { message: '', method: '', argument: '' };
    [this.#input.value, this.#method.value, this.#argument.value] = [message, method, argument];
    this.#called = argument;
    this.#refuse(null, '');
  }

  /** Whether there is something that was not sent yet. */
  get isWriting() {
    return this.#input.value.trim() !== '' || this.#argument.value !== this.#called;
  }

  /** Puts the cursor where the next message is written, unless that would open a keyboard over the page. */
  focus() {
    if (matchMedia('(pointer: fine)').matches && !this.#input.disabled) this.#input.focus();
  }

  /** @param {boolean} isOpen whether anything can be sent @param {string[]} methods that the other side tells of */
  update(isOpen, methods) {
    for (const control of document.querySelectorAll('.composer :is(input, textarea, button)')) {
      /** @type {HTMLInputElement} */ (control).disabled = !isOpen;
    }
    const names = methods.slice(0, MAX_METHODS);
    if (this.#methods === names.join()) return;
    this.#methods = names.join();
    find('#methods').replaceChildren(
      ...names.map((name) => {
        const option = document.createElement('option');
        option.value = name;
        return option;
      }),
    );
    this.#method.placeholder = names[0] ?? 'echo';
  }

  /** @param {Iterable<File> | null} files */
  sendFiles(files) {
    const conversation = this.#current();
    if (conversation) for (const file of files ?? []) void conversation.sendFile(file);
  }

  /** @param {string} mode */
  #choose(mode) {
    for (const button of document.querySelectorAll('.mode')) {
      button.setAttribute('aria-pressed', String(/** @type {HTMLElement} */ (button).dataset.mode === mode));
    }
    for (const form of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.compose'))) {
      form.hidden = form.dataset.for !== mode;
    }
    (mode === 'call' ? this.#method : this.#input).focus();
  }

  async #send() {
    const text = this.#input.value.trim();
    const conversation = this.#current();
    if (text === '' || conversation === null) return;
    this.#input.value = '';
    try {
      await conversation.send(text);
    } catch (error) {
      this.onError(error);
    }
  }

  #call() {
    const method = this.#method.value.trim();
    this.#refuse(null, '');
    if (method === '') return this.#refuse(this.#method, 'Which method? Workers list theirs among their properties.');
    try {
      this.#current()?.call(method, parseArguments(this.#argument.value));
      this.#called = this.#argument.value;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#refuse(this.#argument, 'The argument is no JSON: text needs quotes, as in "hello".');
    }
    return undefined;
  }

  /** @param {HTMLElement | null} field @param {string} words */
  #refuse(field, words) {
    say(this.#hint, words);
    for (const input of [this.#method, this.#argument]) input.setAttribute('aria-invalid', String(input === field));
    field?.focus();
  }

  #takeDrops() {
    const root = find('#conversation');
    const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files') ?? false;
    // Anywhere on the page: elsewhere the browser would open the file in place of the page.
    addEventListener('dragover', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      root.toggleAttribute('data-dropping', this.#current() !== null);
    });
    addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) root.removeAttribute('data-dropping');
    });
    addEventListener('drop', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      root.removeAttribute('data-dropping');
      if (this.#current()) this.sendFiles(event.dataTransfer?.files ?? null);
      else if (!find('#room').hidden) this.onError(new NotConnected());
    });
    this.#input.addEventListener('paste', (event) => {
      const { files, text = '' } = pasted(event);
      // Of a text as long as a book the field would only make the page slow.
      if (files.length === 0 && text.length <= MAX_MESSAGE_LENGTH) return;
      event.preventDefault();
      if (files.length > 0) this.sendFiles(files);
      else this.#current()?.send(text).catch((error) => this.onError(error));
    });
  }
}

/** What was dropped would go nowhere. */
class NotConnected extends Error {
  code = 'NOT_CONNECTED';
}

/** @param {ClipboardEvent} event @returns {{ files: File[], text: string | undefined }} */
function pasted({ clipboardData }) {
  return { files: [...(clipboardData?.files ?? [])], text: clipboardData?.getData('text/plain') };
}

/** Enter sends, Shift and Enter begins a new line. @param {HTMLTextAreaElement} area */
function submitOnEnter(area) {
  area.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    area.form?.requestSubmit();
  });
}

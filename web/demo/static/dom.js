/** Finding and making elements. Whatever comes from other people goes in as text, never as markup. */

/**
 * @template {Element} [E=HTMLElement]
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {E}
 */
export function find(selector, root = document) {
  const element = root.querySelector(selector);
  if (element === null) throw new Error(`The page has no ${selector}`);
  return /** @type {E} */ (element);
}

/**
 * @template {Element} [E=HTMLElement]
 * @param {string} name of the `data-testid`
 * @param {ParentNode} [root]
 * @returns {E}
 */
export function byTestId(name, root = document) {
  return find(`[data-testid="${name}"]`, root);
}

/**
 * The first element of a copy of a `<template>`.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function fromTemplate(id) {
  const template = /** @type {HTMLTemplateElement} */ (find(`#${id}`));
  return /** @type {HTMLElement} */ (/** @type {Element} */ (template.content.firstElementChild).cloneNode(true));
}

/**
 * Sets text only when it changed, so that screen readers are not told again.
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Copies text, and says so on the button for a moment.
 * @param {HTMLElement} button
 * @param {string} text
 * @param {HTMLElement} [near] an element in which something may get the focus: within an open dialog, one of it
 */
export async function copyFrom(button, text, near = document.body) {
  const label = button.dataset.label ?? button.textContent ?? '';
  button.dataset.label = label;
  say(button, (await copy(text, near)) ? 'Copied' : 'Press Ctrl+C');
  setTimeout(() => say(button, label), 2000);
}

/** @param {string} text @param {HTMLElement} near @returns {Promise<boolean>} */
async function copy(text, near) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, near); // no permission, or not a secure context: the clipboard API is not there on plain http
  }
}

/** @param {string} text @param {HTMLElement} near @returns {boolean} */
function copyBySelection(text, near) {
  const area = document.createElement('textarea');
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  area.value = text;
  area.className = 'unseen';
  near.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  focused?.focus();
  return done;
}

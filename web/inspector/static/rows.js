/** Lists that change in place: a row keeps its element, and with it the focus, for as long as it is there. */

/**
 * @template T
 * @param {Element} list
 * @param {T[]} items in the order that they are to be in
 * @param {(item: T) => string} key
 * @param {() => HTMLElement} make
 * @param {(row: HTMLElement, item: T) => void} fill
 */
export function showRows(list, items, key, make, fill) {
  /** @type {Map<string, HTMLElement>} */
  const known = new Map();
  for (const row of /** @type {HTMLElement[]} */ ([...list.children])) known.set(row.dataset.key ?? '', row);
  /** @type {Element | null} */
  let at = list.firstElementChild;
  for (const item of items) {
    const name = key(item);
    let row = known.get(name);
    known.delete(name);
    if (row === undefined) {
      row = make();
      row.dataset.key = name;
    }
    fill(row, item);
    if (row === at) at = at.nextElementSibling;
    else list.insertBefore(row, at);
  }
  for (const row of known.values()) row.remove();
}

/** Room in this page for what others send: files on their way, and those that wait here to be saved. */

/** As much as one file may have at most. */
const SHELF_BYTES = 2 * 1024 ** 3;

let taken = 0;

/**
 * @param {number} size in bytes
 * @returns {(() => void) | null} gives the room back; null if there is none
 */
export function takeRoom(size) {
  if (taken + size > SHELF_BYTES) return null;
  let held = size;
  taken += held;
  return () => {
    taken -= held;
    held = 0;
  };
}

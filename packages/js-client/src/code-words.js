/** `ROOM_FULL` is `RoomFull`. @param {string} code */
export function wordOf(code) {
  return code.toLowerCase().replace(/(?:^|_)(.)/g, (_, letter) => letter.toUpperCase());
}

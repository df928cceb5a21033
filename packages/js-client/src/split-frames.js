/** Which frames are pieces of a larger message: see `heliograph_protocol.splitting`. The pieces are dealt with in splitting.js. */

/** What is spoken on channels of which both sides join what is split. */
export const SPLIT_PROTOCOL = 'heliograph.split.1';
export const RPC_PROTOCOL = 'heliograph.rpc.1';
export const SPLITTING = [SPLIT_PROTOCOL, RPC_PROTOCOL];
/** Larger messages go in pieces on those, also if the other side takes more: nothing else moves meanwhile. */
export const WHOLE_BYTES = 256 * 1024;

const MAGIC = [0xf5, 0x48, 0x47, 0x73, 0x70, 0x6c, 0x69, 0x74];
export const HEADER_BYTES = 21;
/** The first frame of the side that did not open the channel. */
export const HELLO = new Uint8Array(HEADER_BYTES);
HELLO.set(MAGIC);

/** Whether it begins as a piece does. @param {string | Uint8Array | ArrayBuffer} data */
export function isSplit(data) {
  if (typeof data === 'string') return false;
  const start = new Uint8Array(data instanceof ArrayBuffer ? data : data.buffer, data instanceof ArrayBuffer ? 0 : data.byteOffset);
  return data.byteLength >= MAGIC.length && MAGIC.every((byte, i) => byte === start[i]);
}

/** @param {import('./channel.js').Frame} frame that is a piece */
export function isHello(frame) {
  return frame.length === HEADER_BYTES && HELLO.every((byte, i) => byte === frame[i]);
}

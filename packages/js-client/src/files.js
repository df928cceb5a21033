/**
 * Files, each over a channel of its own, as `heliograph_protocol.datachannel` has it: an offer, the offset up to which
 * the receiver has it already, content with a checkpoint at every chunk's end, the receiver's receipt.
 * See outgoing-file.js and incoming-file.js for the two ends.
 */

import * as errors from './errors.js';
import { FILE_LABEL, bareName, encode } from './file-format.js';
import { OutgoingFile } from './outgoing-file.js';

export { CHAT_LABEL, FILE_LABEL, bareName } from './file-format.js';

/** @typedef {{ size: number, sha256: string }} Receipt `sha256` in 64 lower-case hexadecimal digits */
/**
 * @typedef {object} SendOptions
 * @property {string} [name] otherwise that of the `File`
 * @property {string[]} [folder] names of the folders that it lies in, outermost first; a Python receiver makes them
 * @property {(verifiedBytes: number, totalBytes: number) => void} [onProgress] what the receiver has verified
 * @property {AbortSignal} [signal]
 */

/**
 * Sends a file. A receiver that has its beginning from an earlier attempt gets the rest only.
 * @param {{ openChannel(label: string): import('./channel.js').Channel }} connection
 * @param {Blob} file
 * @param {SendOptions} [options]
 * @returns {Promise<Receipt>} both sides computed the same
 * @throws {errors.FileRefusedByPeer | errors.FileMismatch | errors.FileInterrupted | errors.FileUnreadable}
 */
export async function sendFile(connection, file, { name = nameOf(file), folder = [], onProgress = () => {}, signal } = {}) {
  const channel = connection.openChannel(FILE_LABEL);
  try {
    return await new OutgoingFile(channel, file, onProgress, signal).send(bareName(name), folder.map(bareName));
  } catch (error) {
    const told = error instanceof errors.FileInterrupted || error instanceof errors.FileRefusedByPeer;
    if (!told) await channel.send(encode({ type: 'cancelled', message: 'The sender stopped' })).catch(() => {});
    throw error;
  } finally {
    channel.close();
  }
}

/** @param {Blob} file */
function nameOf(file) {
  return file instanceof File ? file.name : 'file';
}

/**
 * Sending a file, over a channel of its own, as `heliograph_protocol.datachannel` has it: an offer, the offset up to which
 * the receiver has it already, content with a checkpoint at every chunk's end, the receiver's receipt.
 * See outgoing-file.js and incoming-file.js for the two ends.
 */

import * as errors from './errors.js';
import { bareName, encode } from './file-format.js';
import { FILE_LABEL } from './labels.js';
import { OutgoingFile } from './outgoing-file.js';

/** @typedef {{ size: number, sha256: string }} Receipt `sha256` in 64 lower-case hexadecimal digits */
/**
 * @typedef {object} SendOptions
 * @property {string} [name] otherwise that of the `File`
 * @property {string[]} [folder] names of the folders that it lies in, outermost first; a Python receiver makes them
 * @property {(verifiedBytes: number, totalBytes: number) => void} [onProgress] what the receiver has verified
 * @property {AbortSignal} [signal]
 */

/**
 * What sending needs of a connection.
 * @typedef {Pick<import('./connection.js').Connection, 'openChannel' | 'state' | 'isOver' | 'error' | 'on'>} OpensChannels
 */

/**
 * Sends a file. A receiver that has its beginning from an earlier attempt gets the rest only; so does one to which another path
 * is made meanwhile.
 * @param {OpensChannels} connection
 * @param {Blob} file
 * @param {SendOptions} [options]
 * @returns {Promise<Receipt>} both sides computed the same
 * @throws {errors.FileRefusedByPeer | errors.FileMismatch | errors.FileInterrupted | errors.FileUnreadable}
 */
export async function sendFile(connection, file, { name = nameOf(file), folder = [], onProgress = () => {}, signal } = {}) {
  for (;;) {
    const channel = connection.openChannel(FILE_LABEL);
    try {
      return await new OutgoingFile(channel, file, onProgress, signal).send(bareName(name), folder.map(bareName));
    } catch (error) {
      const isLost = [errors.FileInterrupted, errors.ConnectionClosed, errors.ChannelClosed].some((Kind) => error instanceof Kind);
      if (isLost && connection.state === 'disconnected') await anotherPath(connection, signal);
      else {
        const told = error instanceof errors.FileInterrupted || error instanceof errors.FileRefusedByPeer;
        if (!told) await channel.send(encode({ type: 'cancelled', message: 'The sender stopped' })).catch(() => {});
        throw error;
      }
    } finally {
      channel.close();
    }
  }
}

/** @param {OpensChannels} connection @param {AbortSignal | undefined} signal @returns {Promise<void>} when it is open again */
async function anotherPath(connection, signal) {
  const over = new AbortController();
  try {
    await new Promise((resolve, reject) => {
      const look = () => {
        if (connection.state === 'open') resolve(undefined);
        else if (connection.isOver) reject(connection.error);
      };
      connection.on('state', look, over);
      signal?.addEventListener('abort', () => reject(signal.reason), over);
      look();
    });
  } finally {
    over.abort();
  }
}

/** @param {Blob} file */
function nameOf(file) {
  return file instanceof File ? file.name : 'file';
}

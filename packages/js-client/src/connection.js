/** A direct connection to one peer, and its channels. */

import { ChannelEvent, FileEvent, StateEvent } from './events.js';
import { FILE_LABEL } from './labels.js';
import { files, upkeep } from './late.js';
import { Link } from './link.js';
import { RPC_PROTOCOL } from './split-frames.js';

/** @typedef {import('./channel.js').Channel} Channel */
/**
 * `disconnected` may heal by itself and become `open` again; `closed` and `failed` are final.
 * @typedef {'connecting' | 'open' | 'disconnected' | 'closed' | 'failed'} ConnectionState
 */
/**
 * @typedef {object} ConnectionOptions
 * @property {RTCIceServer[]} [iceServers] by default the server's
 * @property {number} [deadlineMs]
 * @property {number} [healDeadlineMs]
 * @property {() => RTCIceServer[]} [freshIceServers] those of the server, as they are when they are needed
 * @property {typeof globalThis.RTCPeerConnection} [RTCPeerConnection]
 * @property {() => string} [newId] for another path
 * @property {ReadonlyMap<string, import('./serving.js').Handler>} [methods] that the other side may call
 * @property {import('./channel.js').ChannelOptions} [channel]
 */

/**
 * Events: `state` on every change; `channel` for each channel that the other side opens beyond the chat; `file` for each
 * file that it sends. Data goes on flowing while the server is out of reach.
 * @extends {Link<{ state: StateEvent<ConnectionState>, channel: ChannelEvent, file: FileEvent }>}
 */
export class Connection extends Link {
  /** How many wait for it in `session.connect`; NaN if it was not begun there. */
  waiting = NaN;

  /**
   * The channel with this label, whoever opened it; it is opened if there is none. Let one side open it and the other wait for
   * its `channel` event: when both open one at the same moment, these are two.
   * @param {string} label @param {RTCDataChannelInit} [init] @returns {Channel}
   */
  channel(label, init) {
    return this.channels.find(label) ?? this.openChannel(label, init);
  }

  /**
   * Sends a file; resolves when the other side has confirmed its checksum.
   * @param {Blob} file
   * @param {import('./sending.js').SendOptions} [options]
   * @returns {Promise<import('./sending.js').Receipt>}
   */
  async sendFile(file, options) {
    const { sendFile } = await files();
    return sendFile(this, file, options);
  }

  /**
   * Sends every file in a directory and the ones below it; the receiver is told their folders.
   * @param {import('./directories.js').Directory} directory @param {import('./directories.js').DirectoryOptions} [options]
   * @returns {Promise<import('./directories.js').SentFile[]>} sorted by folder and name
   */
  async sendDirectory(directory, options) {
    const { sendDirectory } = await files();
    return sendDirectory(this, directory, options);
  }

  /**
   * Takes every file that the other side sends from now on: `for await (const file of connection.receiveFiles())`.
   * @param {import('./receiving.js').ReceiveOptions} [options]
   * @returns {AsyncGenerator<import('./receiving.js').ArrivedFile, void>} each as it is complete, until the connection is over
   */
  receiveFiles(options) {
    const receiving = files().then((part) => part.receiveFiles(this, options)); // at once, before any file is announced
    receiving.catch(() => {}); // whoever iterates is told
    return (async function* () {
      yield* await receiving;
    })();
  }

  /** Which candidate pair carries it. @returns {Promise<import('./route.js').Route | null>} null while there is none */
  async route() {
    const { selectedRoute } = await upkeep();
    return selectedRoute(this.pc);
  }

  /** @param {Channel} channel @protected @override */
  incoming(channel) {
    if (channel.protocol === RPC_PROTOCOL) void this.answerCalls(channel);
    else if (channel.label === FILE_LABEL) void files().then((part) => part.announce(this, channel), channel.close.bind(channel));
    else this.dispatchEvent(new ChannelEvent(channel));
  }
}

/** The channels of one connection: those opened here, and those that the other side opened. */

import { Channel } from './channel.js';
import { lost } from './failures.js';

export class Channels {
  #limits;
  /** In the order in which they were opened. @type {Set<Channel>} */
  #open = new Set();
  /** Those that the other side will open again. @type {{ id: number | null, channel: Channel }[]} */
  #awaited = [];

  /** @param {import('./channel.js').ChannelOptions} [limits] */
  constructor(limits) {
    this.#limits = limits;
  }

  /** Keeps a channel until it is closed. @param {RTCDataChannel} dc @param {RTCPeerConnection} pc @param {boolean} isOurs */
  keep(dc, pc, isOurs) {
    const channel = new Channel(dc, pc, this.#limits, isOurs);
    this.#open.add(channel);
    channel.on('state', ({ state }) => state === 'closed' && this.#open.delete(channel));
    return channel;
  }

  /** The first one with that label. @param {string} label @returns {Channel | undefined} */
  find(label) {
    return [...this.#open].find((channel) => channel.label === label && channel.state !== 'closed');
  }

  /**
   * The path is lost: those opened here are opened on the next one, and the others are waited for. Calls and files are not: they
   * go on over channels of their own. @param {RTCPeerConnection} pc
   */
  move(pc) {
    for (const channel of [...this.#open]) {
      const { id, ...init } = channel.init;
      if (!channel.isPlain) channel.close(lost(`of ${channel.label}`));
      else if (channel.isOurs) channel.attach(pc.createDataChannel(channel.label, init), pc);
      else if (channel.suspend()) this.#awaited.push({ id, channel });
    }
  }

  /**
   * What the other side has opened again. Browsers let nobody choose the stream id, so that the label has to do where it is
   * another. @param {RTCDataChannel} dc @param {RTCPeerConnection} pc
   */
  take(dc, pc) {
    const alike = this.#awaited.filter(({ channel }) => channel.label === dc.label);
    const known = alike.find(({ id }) => id === dc.id) ?? alike[0];
    if (known === undefined) return this.keep(dc, pc, false);
    this.#awaited = this.#awaited.filter((each) => each !== known);
    if (known.channel.state === 'closed') dc.close();
    else known.channel.attach(dc, pc);
    return null;
  }

  /** The other side will open none of them again. */
  giveUp() {
    for (const { channel } of this.#awaited.splice(0)) channel.close(lost(`of ${channel.label}`));
  }

  /** Closing the RTCPeerConnection does not tell them. */
  close() {
    for (const channel of [...this.#open]) channel.close();
  }
}

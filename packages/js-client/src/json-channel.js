/** A channel of JSON values: what typed channels are in the Python SDK. */

import { ChannelFormatError } from './errors.js';

/**
 * Made by `channel.json()`. Each value is a text message.
 * @template [T=any]
 */
export class JsonChannel {
  #check;

  /** @param {import('./channel.js').Channel} raw @param {(value: any) => T} [check] */
  constructor(raw, check = (value) => value) {
    /** The channel itself. */
    this.raw = raw;
    this.#check = check;
  }

  /** Sends a value, as `Channel.send` sends messages. @param {T} value @param {{ signal?: AbortSignal }} [options] @returns {Promise<void>} */
  async send(value, options) {
    return this.raw.send(JSON.stringify(value) ?? 'null', options);
  }

  /**
   * The next value, or undefined when the channel is closed and everything that came has been read. After an error the next
   * one can be received.
   * @param {Parameters<import('./channel.js').Channel['receive']>[0]} [options]
   * @returns {Promise<T | undefined>}
   * @throws {ChannelFormatError}
   */
  async receive(options) {
    const message = await this.raw.receive(options);
    if (message === null) return undefined;
    let value;
    try {
      if (typeof message !== 'string') throw new TypeError('bytes');
      value = JSON.parse(message);
    } catch (cause) {
      throw new ChannelFormatError('CHANNEL_FORMAT', `No JSON on ${this.raw.label}`, { cause });
    }
    return this.#check(value);
  }

  /** Values until the channel closes. @returns {AsyncGenerator<T>} */
  async *[Symbol.asyncIterator]() {
    for (let value = await this.receive(); value !== undefined; value = await this.receive()) yield value;
  }

  close() {
    this.raw.close();
  }
}

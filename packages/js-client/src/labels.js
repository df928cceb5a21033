/** How channels are opened. Two labels have a format of their own: see `heliograph_protocol.datachannel`. */

export const CHAT_LABEL = 'chat';
export const FILE_LABEL = 'file';

/** What a channel was opened with. @param {RTCDataChannel} dc @returns {RTCDataChannelInit & { id: number | null }} */
export function initOf({ ordered, maxRetransmits, maxPacketLifeTime, protocol, id }) {
  const limits = { maxRetransmits: maxRetransmits ?? undefined, maxPacketLifeTime: maxPacketLifeTime ?? undefined };
  return /** @type {any} */ ({ ordered, protocol, id, ...limits });
}

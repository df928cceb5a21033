/** The public API, but for `Api` in api.js and `Sha256` in sha256.js, which are imported on their own. */

export { createRoom, signIn } from './http.js';
export { Channel } from './channel.js';
export { Claim } from './claim.js';
export { Connection } from './connection.js';
export * from './errors.js';
export { ChannelEvent, ConnectionEvent, FileEvent, StateEvent } from './events.js';
export { JsonChannel } from './json-channel.js';
export { connect, Session } from './session.js';

/** @typedef {import('./incoming-file.js').IncomingFile} IncomingFile */

/** The public API. */

export { Api, createRoom, deletePeersAndRoom, signIn } from './api.js';
export { Channel } from './channel.js';
export { Claim } from './claim.js';
export { Connection } from './connection.js';
export * from './errors.js';
export { ChannelEvent, ConnectionEvent, FileEvent, StateEvent } from './events.js';
export { IncomingFile } from './incoming-file.js';
export { connect, Session } from './session.js';
export { Sha256 } from './sha256.js';

/** Files, both ways. Loaded with the first one. */

export { sendDirectory } from './directories.js';
export { IncomingFile } from './incoming-file.js';
export { announce, receiveFiles } from './receiving.js';
export { sendFile } from './sending.js';

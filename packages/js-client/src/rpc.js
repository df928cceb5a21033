/** Remote calls, both ends. Loaded with the first call. */

export { Calls } from './calls.js';
export { Serving } from './serving.js';

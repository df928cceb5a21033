/** What the server tells about others, in this language's names. */

/**
 * A peer as others in its room see it.
 * @typedef {object} Peer
 * @property {string} peerId
 * @property {string} role
 * @property {{ tags: string[], properties: Record<string, unknown> }} metadata
 * @property {string[]} groups
 * @property {number} connectedAt Unix seconds
 * @property {'online' | 'away'} state
 * @property {string[]} [claimedBy] who holds claims on it
 */
/**
 * Which peers: all that is given must hold, and an empty list matches nothing. A property is a value to equal or an
 * object of operators (`$eq $ne $gt $gte $lt $lte $in $nin $exists`): `{ gpu_memory_mb: { $gte: 8192 } }`.
 * @typedef {object} Filters
 * @property {string | string[]} [role]
 * @property {string[]} [tags] any of these
 * @property {string[]} [allTags]
 * @property {string[]} [groups] any of these
 * @property {string | string[]} [state]
 * @property {Record<string, unknown>} [properties]
 */

/** An object of the wire with its keys in camel case; what is in the values stays as it is. @param {object} wire */
export function camel(wire) {
  const entries = Object.entries(wire).map(([key, value]) => [key.replace(/_(\w)/g, (_, c) => c.toUpperCase()), value]);
  return Object.fromEntries(entries);
}

/** @param {import('./protocol.js').Peer} wire @returns {Peer} */
export function peerOf(wire) {
  const { tags = [], properties = {} } = wire.metadata;
  return { ...camel(wire), metadata: { tags, properties } };
}

/** @param {Filters} filters @returns {import('./protocol.js').Filters} */
export function wireFilters({ role, tags, allTags, groups, state, properties }) {
  return given({ role, tags, all_tags: allTags, groups, state, properties });
}

/** Without what is undefined. @template {object} T @param {T} values @returns {any} */
export function given(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

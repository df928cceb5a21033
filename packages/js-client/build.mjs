/**
 * Makes dist/, or the folder that is named: what a page loads to use the SDK without a bundler. `heliograph.min.js` is everything but the parts that are
 * loaded when they are needed, each of which is a file beside it that takes the rest from there.
 */

import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { build } from 'esbuild';

const OUT = process.argv[2] ?? 'dist';
const CORE = 'heliograph.min.js';
const LATE = ['staying', 'upkeep', 'rpc', 'splitting', 'files'];
/** What those take from the core beyond what it exports anyway. */
const SHARED = {
  'http.js': ['Http', 'text'],
  'labels.js': ['FILE_LABEL'],
  'peer.js': ['camel', 'given', 'peerOf'],
  'split-frames.js': ['HEADER_BYTES', 'HELLO'],
  'utf8.js': ['utf8Length'],
  'waiting.js': ['deferred', 'within'],
};

/** Names of methods and fields that only the SDK itself uses, and that nothing else has: no other object, no message. */
const INSIDE = [
  ...['keepBuffered', 'standsInLine', 'undelivered', 'rateLimited', 'restarted', 'disconnected', 'withdraw', 'oldest'],
  ...['hasRoom', 'mayGo', 'paceMs', 'lastRef', 'askedAt', 'loseAll', 'givesWay', 'neverSent', 'onframe', 'onquiet'],
  ...['answerAgain', 'answerCalls', 'renegotiate', 'conclude', 'isOffering', 'isSilent', 'freshIceServers'],
  ...['giveUp', 'isNewer', 'isKnown', 'isOurs', 'isPlain', 'attach', 'reopened', 'redial', 'stands', 'healed'],
  ...['put', 'take', 'tell', 'probe', 'proof', 'drain', 'register', 'wake', 'expect', 'canRestart', 'announced'],
  ...['incoming', 'channels', 'delayMs', 'enter', 'heal', 'watch', 'restart', 'changed', 'fail', 'describe', 'keep', 'await', 'left', 'core', 'socket'],
  ...['waiting', 'line', 'given', 'madeAt', 'begin', 'confirm', 'entered'],
];

/** @type {Record<string, string | false>} */
let mangleCache = {};
const common = /** @type {const} */ ({
  ...{ bundle: true, format: 'esm', minify: true, target: 'es2022', logLevel: 'warning' },
  mangleProps: new RegExp(`^(?:${INSIDE.join('|')})$`),
});
/** What programs import on its own. */
const APART = ['api', 'sha256'];
const late = (/** @type {string} */ name) => `./heliograph-${name}.min.js`;

await rm(OUT, { recursive: true, force: true });
const core = await build({
  ...common,
  mangleCache,
  stdin: {
    contents: [
      "export * from './index.js';",
      ...Object.entries(SHARED).map(([module, names]) => `export { ${names.join(', ')} } from './${module}';`),
    ].join('\n'),
    resolveDir: 'src',
  },
  outfile: `${OUT}/${CORE}`,
  metafile: true,
  plugins: [elsewhere((path) => (LATE.includes(basename(path, '.js')) ? late(basename(path, '.js')) : null), 'dynamic-import')],
});
mangleCache = core.mangleCache ?? {};
const inCore = Object.keys(core.metafile.inputs).map((path) => basename(path));
for (const name of [...LATE, ...APART]) {
  const part = await build({
    ...common,
    mangleCache,
    entryPoints: [`src/${name}.js`],
    outfile: `${OUT}/${late(name)}`,
    plugins: [elsewhere((path) => (inCore.includes(basename(path)) ? `./${CORE}` : null), 'import-statement')],
  });
  mangleCache = part.mangleCache ?? {};
}

/**
 * Leaves imports of other files to the browser.
 * @param {(path: string) => string | null} place of what is imported; null if it belongs to this file
 * @param {import('esbuild').ImportKind} kind
 * @returns {import('esbuild').Plugin}
 */
function elsewhere(place, kind) {
  return {
    name: 'elsewhere',
    setup({ onResolve }) {
      onResolve({ filter: /^\.\// }, (found) => {
        const path = found.kind === kind ? place(found.path) : null;
        return path === null ? null : { path, external: true };
      });
    },
  };
}

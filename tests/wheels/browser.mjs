// Run in a folder where nothing but the npm package is installed: it imports whole, and its types are there.

import { existsSync } from 'node:fs';

import * as heliograph from 'heliograph';

const types = import.meta.resolve('heliograph').replace('/src/index.js', '/types/index.d.ts');
const { Api } = await import('heliograph/api');
const minified = await import('heliograph/min');
if (typeof new Api('http://localhost').mintToken !== 'function') throw new Error('there is no Api');
const missing = Object.keys(heliograph).filter((name) => typeof minified[name] !== typeof heliograph[name]);
if (missing.length > 0) throw new Error(`the minified file has no ${missing}`);
if (typeof heliograph.connect !== 'function') throw new Error('there is no connect()');
if (!existsSync(new URL(types))) throw new Error('there are no type declarations');

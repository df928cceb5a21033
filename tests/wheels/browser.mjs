// Run in a folder where nothing but the npm package is installed: it imports whole, and its types are there.

import { existsSync } from 'node:fs';

import * as heliograph from 'heliograph';

const types = import.meta.resolve('heliograph').replace('/src/index.js', '/types/index.d.ts');
if (typeof heliograph.connect !== 'function') throw new Error('there is no connect()');
if (!existsSync(new URL(types))) throw new Error('there are no type declarations');

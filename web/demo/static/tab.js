/** This tab's identity, on its way before the rest of the page is there. */

import { Identity } from './identity.js';

performance.mark('heliograph:start');

export const identifying = Identity.ofThisTab();

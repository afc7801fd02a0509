import type { Environment } from './environment.ts';
import { browserHasher, openInBrowser } from './files.browser.ts';
import { decodeInBrowser, decodeMaskInBrowser } from './images.browser.ts';
import { removeDamaged } from './storage/stored.ts';

export const browserEnvironment: Environment = {
  decodeImage: decodeInBrowser,
  decodeMask: decodeMaskInBrowser,
  open: openInBrowser,
  repair: removeDamaged,
  hasher: browserHasher,
};

import type sharp from 'sharp';
import { loadPeer } from '../base/peer.node.ts';

/** libvips. Bundlers of a server leave the import alone: where the package is missing, only images cannot be read. */
export const loadSharp = (): Promise<typeof sharp> =>
  loadPeer(
    async () =>
      (await import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ 'sharp'))
        .default,
    'sharp',
    'read and write images',
  );

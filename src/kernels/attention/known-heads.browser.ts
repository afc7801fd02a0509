// None in browsers: they were measured on lavapipe alone, and weigh 2 kB gzipped.
import type { KnownHeads } from './known-heads.ts';

export const knownHeads: KnownHeads | undefined = undefined;

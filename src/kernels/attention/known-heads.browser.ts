// None in browsers: a training step on SwiftShader takes as long with them (12.2 and 12.3 s of the processor; without
// them 12.5 and 12.0; forward half, gradients the same), and they weigh 2 kB gzipped.
import type { KnownHeads } from './known-heads.ts';

export const knownHeads: KnownHeads | undefined = undefined;

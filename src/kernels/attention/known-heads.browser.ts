// None in browsers, where lane-rows.ts has the heads that CLIPs have: what is left of software adapters there, SwiftShader,
// is several times as fast with those.
import type { Heads, KnownHeads } from './known-heads.ts';

export const anyHeads: Heads | undefined = undefined;
export const knownHeads: KnownHeads | undefined = undefined;

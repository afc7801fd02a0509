// Kernels with subgroups, for software adapters: for heads of any size, and for those of one size, the small CLIP's, which
// keep rows in registers.
import type { Shader } from '../../gpu/shader.ts';
import forward32 from './attention_32.wgsl';
import key32 from './attention_grad_key_32.wgsl';
import key from './attention_grad_key_subgroup.wgsl';
import query32 from './attention_grad_query_32.wgsl';
import query from './attention_grad_query_subgroup.wgsl';
import forward from './attention_subgroup.wgsl';

export interface Heads {
  readonly forward: Shader;
  readonly query: Shader;
  readonly key: Shader;
}

export interface KnownHeads extends Heads {
  /** Of a head. Larger ones are compiled for seconds. */
  readonly size: number;
}

export const anyHeads: Heads | undefined = { forward, query, key };
export const knownHeads: KnownHeads | undefined = {
  size: 32,
  forward: forward32,
  query: query32,
  key: key32,
};

// Kernels with subgroups for heads of one size, the small CLIP's, which keep rows in registers: for software adapters.
import type { Shader } from '../../gpu/shader.ts';
import forward from './attention_32.wgsl';
import key from './attention_grad_key_32.wgsl';
import query from './attention_grad_query_32.wgsl';

export interface KnownHeads {
  /** Of a head. Larger ones are compiled for seconds. */
  readonly size: number;
  readonly forward: Shader;
  readonly query: Shader;
  readonly key: Shader;
}

export const knownHeads: KnownHeads | undefined = { size: 32, forward, query, key };

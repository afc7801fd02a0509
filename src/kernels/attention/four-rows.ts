// Kernels for the heads that CLIPs have, whose rows are named vector by vector: for SwiftShader, the adapter of browsers
// without a GPU, which is several times as fast with them as with arrays.
import type { Call } from '../op.ts';
import forward from './attention_four_rows.wgsl';
import key from './attention_grad_key_four_rows.wgsl';
import query from './attention_grad_query_four_rows.wgsl';
import { rowVariant } from './layout.ts';

/** Undefined where a call does not use them; else they, their overrides, and the workgroups for `rows` rows of each head. */
export function fourRows(
  { variant, capabilities }: Pick<Call<unknown>, 'variant' | 'capabilities'>,
  head: number,
) {
  if ((head !== 32 && head !== 64) || rowVariant(variant, capabilities) !== 'four_rows') return undefined;
  const SUBGROUP = capabilities.subgroupSize;
  return {
    shaders: { forward, key, query },
    overrides: { SUBGROUP, WIDE: head === 64 },
    workgroups: (heads: number, rows: number) => heads * Math.ceil(rows / SUBGROUP),
  };
}

// The kernels with a row to each lane of a subgroup: which of them a call uses, forward and backward.
import { anyHeads, type Heads, knownHeads } from '#kernels/known-heads';
import type { OverrideValue } from '../../gpu/pipelines.ts';
import type { Call } from '../op.ts';
import forward from './attention_four_rows.wgsl';
import key from './attention_grad_key_four_rows.wgsl';
import query from './attention_grad_query_four_rows.wgsl';
import { rowVariant } from './layout.ts';

export interface LaneRows {
  readonly shaders: Heads;
  readonly overrides: Readonly<Record<string, OverrideValue>>;
  /** Rows of a head that a workgroup takes. */
  readonly ofWorkgroup: number;
}

/** Rows that a lane owns in the kernels for heads of a known size: they share each fetched row. */
const mostOfLane = 3;

/**
 * Undefined where a call uses kernels without subgroups. Heads that CLIPs have can be named vector by vector
 * (`four_rows`), for SwiftShader, the adapter of browsers without a GPU, which is several times as fast so.
 * @param rows of a head; those share a fetched key two by two where the forward has more than a subgroup's
 */
export function laneRows(
  { variant, capabilities }: Pick<Call<unknown>, 'variant' | 'capabilities'>,
  headDim: number,
  rows: number,
  { backward }: { readonly backward: boolean },
): LaneRows | undefined {
  const chosen = rowVariant(variant, capabilities);
  const SUBGROUP = capabilities.subgroupSize;
  if (chosen === 'direct') return undefined;
  if (chosen === 'four_rows' && (headDim === 32 || headDim === 64))
    return {
      shaders: { forward, key, query },
      overrides: { SUBGROUP, WIDE: headDim === 64 },
      ofWorkgroup: SUBGROUP,
    };
  const known = headDim === knownHeads?.size ? knownHeads : undefined;
  const shaders = known ?? anyHeads;
  if (!shaders) return undefined;
  const ofAny = !backward && rows > SUBGROUP ? 2 : 1;
  const ROWS = known ? Math.min(mostOfLane, Math.ceil(rows / SUBGROUP)) : ofAny;
  return {
    shaders,
    overrides: {
      ...{ ALIGNED: headDim % 4 === 0, SUBGROUP, FETCHED: Math.min(SUBGROUP, 8) },
      ...(known || !backward ? { ROWS } : {}), // the gradients of any heads have one row to a lane
    },
    ofWorkgroup: SUBGROUP * ROWS,
  };
}

// The dispatches of an attention's forward, by the kernel that suits the call.
import { anyHeads, knownHeads } from '#kernels/known-heads';
import { spread } from '../grid.ts';
import type { Call, Dispatch } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import shader from './attention.wgsl';
import sequenceShader from './attention_sequence.wgsl';
import { fourRows } from './four-rows.ts';
import {
  type AttentionAttrs,
  codeOverrides,
  lanesOf,
  rowsOfLane,
  sequenceOverrides,
  sizes,
  workgroup,
} from './layout.ts';
import { tileDispatch, usesTiles } from './tile.ts';

/**
 * Short sequences by one workgroup for each head; undefined where the call does not use that kernel.
 * @param beside results of the prefix's own attention, which has no prefix
 */
export function sequenceForward(
  call: Call<AttentionAttrs>,
  beside?: readonly [out: Tensor, lse: Tensor],
): Dispatch | undefined {
  const [qkv, prefix] = call.inputs;
  const [out, lse] = call.outputs;
  const besideLength = beside?.[0].shape[1] ?? 0;
  const overrides = sequenceOverrides(call, qkv!, false, besideLength);
  if (!overrides) return undefined;
  const { width, ...uniforms } = sizes(call.attrs, qkv!);
  const { sequences, heads } = uniforms;
  return {
    shader: sequenceShader,
    bindings: {
      qkv,
      prefix: overrides.PREFIXED ? prefix : undefined,
      out,
      lse,
      beside_out: beside?.[0],
      beside_lse: beside?.[1],
    },
    uniforms: { ...uniforms, beside_length: besideLength },
    overrides,
    workgroups: spread((sequences + (beside ? 1 : 0)) * heads),
  };
}

export function forwardDispatches(call: Call<AttentionAttrs>): Dispatch[] {
  const {
    attrs,
    inputs: [qkv, prefix],
    outputs: [out, lse],
  } = call;
  const { width, ...uniforms } = sizes(attrs, qkv!);
  const { sequences, length, heads, head_dim, prefix_length } = uniforms;
  const used = prefix_length > 0 ? prefix : undefined;
  const common = {
    bindings: { qkv, prefix: used, out, lse },
    uniforms,
  };
  const PREFIXED = prefix_length > 0;
  const ofSequence = sequenceForward(call);
  if (ofSequence) return [ofSequence];
  if (usesTiles(call, length)) return [tileDispatch(call.capabilities, attrs, call.inputs, [out!, lse!])];
  const lanes = lanesOf(call);
  const four = fourRows(call, head_dim);
  if (four)
    return [
      {
        ...common,
        shader: four.shaders.forward,
        overrides: { ...four.overrides, PREFIXED },
        workgroups: spread(four.workgroups(sequences * heads, length)),
      },
    ];
  const known = lanes > 0 && head_dim === knownHeads?.size ? knownHeads : undefined;
  const two = length > lanes ? 2 : 1; // two rows share each fetched key
  const rows = known ? rowsOfLane(length, lanes) : two;
  return [
    {
      ...common,
      shader: (lanes > 0 && (known ?? anyHeads)?.forward) || shader,
      overrides: {
        ...codeOverrides(head_dim, lanes, call.capabilities),
        PREFIXED,
        ...(lanes > 0 ? { ROWS: rows } : {}),
      },
      workgroups: spread(
        lanes > 0
          ? sequences * heads * Math.ceil(length / (lanes * rows))
          : Math.ceil((sequences * heads * length) / workgroup),
      ),
    },
  ];
}

// The dispatches of an attention's forward, by the kernel that suits the call.
import { spread } from '../grid.ts';
import type { Call, Dispatch } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import shader from './attention.wgsl';
import sequenceShader from './attention_sequence.wgsl';
import { laneRows } from './lane-rows.ts';
import { type AttentionAttrs, codeOverrides, sequenceOverrides, sizes, workgroup } from './layout.ts';
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
  const lanes = laneRows(call, head_dim, length, { backward: false });
  return [
    {
      ...common,
      shader: lanes?.shaders.forward ?? shader,
      overrides: { ...(lanes?.overrides ?? codeOverrides(head_dim, call.capabilities)), PREFIXED },
      workgroups: spread(
        lanes
          ? sequences * heads * Math.ceil(length / lanes.ofWorkgroup)
          : Math.ceil((sequences * heads * length) / workgroup),
      ),
    },
  ];
}

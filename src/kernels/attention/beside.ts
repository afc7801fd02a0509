// The attention of sequences behind a prefix and that of the sequence whose beginning the prefix is, which do not depend on
// each other, in one dispatch; their gradients, too. Kernels for longer sequences take them one after the other.
import type { Call, Op, OpNode, PlacedNode } from '../op.ts';
import { f32, sameShape, type Tensor } from '../tensor.ts';
import { type AttentionGradAttrs, gradOp, sequenceGradient } from './attention_grad.ts';
import { forwardDispatches, sequenceForward } from './forward.ts';
import { type AttentionAttrs, pairs, sizes } from './layout.ts';
import { forwardVariants, gradientVariants } from './tile.ts';

type Nodes = Pick<Call<AttentionAttrs>, 'attrs' | 'inputs' | 'outputs'>;

/** The attributes of the prefix's own attention. */
const ofItself = ({ heads, causal }: AttentionAttrs): AttentionAttrs =>
  causal === undefined ? { heads } : { heads, causal };

/** Inputs qkv, prefix; outputs of the sequences (result, log-sum-exp), then of the whole prefix. */
export const attentionBesideOp: Op<AttentionAttrs> = {
  name: 'attention',
  variants: forwardVariants,
  outputs(attrs, [qkv, prefix]) {
    const { sequences, length, width, heads } = sizes(attrs, qkv!);
    const rows = prefix!.shape[1]!;
    return [
      f32(sequences, length, width),
      f32(sequences, heads, length),
      f32(1, rows, width),
      f32(1, heads, rows),
    ];
  },
  dispatches(call) {
    const [, prefix] = call.inputs;
    const [out, lse, besideOut, besideLse] = call.outputs as readonly [Tensor, Tensor, Tensor, Tensor];
    const together = sequenceForward(call, [besideOut, besideLse]);
    if (together) return [together];
    const beside = { attrs: ofItself(call.attrs), inputs: [prefix], outputs: [besideOut, besideLse] };
    return [
      ...forwardDispatches({ ...call, ...beside }),
      ...forwardDispatches({ ...call, outputs: [out, lse] }),
    ];
  },
  cost({ attrs, inputs: [qkv, prefix] }) {
    const [a, b] = [pairs(attrs, qkv!), pairs(ofItself(attrs), prefix!)];
    return { flops: 4 * (a.own + a.prefix + b.own) * sizes(attrs, qkv!).head_dim };
  },
};

/** A gradient's own part of what its results and the prefix's are made of. */
const gradientOf = ({ attrs, inputs, outputs }: Nodes) => {
  const [qkv, prefix, out, dout, lse, besideOut, besideDout, besideLse] = inputs;
  const [dqkv, shares, statistics, besideDqkv, besideStatistics] = outputs as readonly Tensor[];
  const both = { ofOwn: true, ofPrefix: true } as const;
  return {
    own: {
      attrs: { ...attrs, ...both },
      inputs: [qkv, prefix, out, dout, lse],
      outputs: [dqkv!, shares!, statistics!],
    },
    beside: {
      attrs: { ...ofItself(attrs), ofOwn: true, ofPrefix: false },
      inputs: [prefix, undefined, besideOut, besideDout, besideLse],
      outputs: [besideDqkv!, shares!, besideStatistics!],
    },
  };
};

/**
 * Inputs qkv, prefix, out, dout, lse, and out, dout, lse of the prefix's own attention; outputs d qkv, shares of d prefix,
 * workspace, d qkv of the prefix's own attention, workspace.
 */
export const attentionGradBesideOp: Op<AttentionAttrs> = {
  name: 'attention_grad',
  variants: gradientVariants,
  outputs(attrs, [qkv, prefix]) {
    const { sequences, length, width, heads, prefix_length } = sizes(attrs, qkv!);
    return [
      f32(...qkv!.shape),
      f32(sequences, prefix_length, 2 * width),
      f32(sequences, heads, length, 2),
      f32(...prefix!.shape),
      f32(1, heads, prefix!.shape[1]!, 2),
    ];
  },
  dispatches(call) {
    const { own, beside } = gradientOf(call);
    const besideDqkv = beside.outputs[0]!;
    const together = sequenceGradient({ ...call, ...own }, [beside.inputs[3]!, besideDqkv]);
    if (together) return [together];
    return [...gradOp.dispatches({ ...call, ...beside }), ...gradOp.dispatches({ ...call, ...own })];
  },
  cost(call) {
    const { own, beside } = gradientOf(call);
    return { flops: gradOp.cost(own).flops + gradOp.cost(beside).flops };
  },
};

/** Whether `beside` is the attention of what `own` has for a prefix, and neither needs the other. */
function belongs(own: PlacedNode, beside: PlacedNode): boolean {
  const [a, b] = [own.attrs as AttentionAttrs, beside.attrs as AttentionAttrs];
  const [, prefix] = own.inputs;
  const [rows] = beside.inputs;
  return (
    (a.prefixLength ?? 0) > 0 &&
    (b.prefixLength ?? 0) === 0 &&
    a.heads === b.heads &&
    (a.causal ?? false) === (b.causal ?? false) &&
    a.source !== 'vv' &&
    b.source !== 'vv' &&
    prefix?.storage === rows?.storage &&
    sameShape(prefix!.shape, rows!.shape)
  );
}

/** The two in the order [of sequences, of their prefix]; undefined: they do not belong together. */
const pairOf = (first: PlacedNode, second: PlacedNode): readonly [PlacedNode, PlacedNode] | undefined => {
  if (first.op !== second.op) return undefined;
  if (belongs(first, second)) return [first, second];
  return belongs(second, first) ? [second, first] : undefined;
};

export function attentionBeside(first: PlacedNode, second: PlacedNode): OpNode | undefined {
  const pair = pairOf(first, second);
  if (!pair) return undefined;
  const [own, beside] = pair;
  return {
    op: attentionBesideOp as Op<unknown>,
    attrs: own.attrs,
    inputs: own.inputs,
    outputs: [...own.outputs, ...beside.outputs],
  };
}

export function gradientBeside(first: PlacedNode, second: PlacedNode): OpNode | undefined {
  const pair = pairOf(first, second);
  if (!pair) return undefined;
  const [own, beside] = pair;
  const { ofOwn, ofPrefix, ...attrs } = own.attrs as AttentionGradAttrs;
  if (!ofOwn || !ofPrefix || !(beside.attrs as AttentionGradAttrs).ofOwn) return undefined;
  const [dqkv, shares, statistics] = own.outputs as readonly [Tensor, Tensor, Tensor];
  const [besideDqkv, , besideStatistics] = beside.outputs as readonly [Tensor, Tensor, Tensor];
  return {
    op: attentionGradBesideOp as Op<unknown>,
    attrs,
    inputs: [...own.inputs, ...beside.inputs.slice(2)],
    outputs: [dqkv, shares, statistics, besideDqkv, besideStatistics],
  };
}

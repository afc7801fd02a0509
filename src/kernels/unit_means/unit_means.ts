import { perTask } from '../grid.ts';
import type { Builder, Op } from '../op.ts';
import { describe, elements, f32, ShapeError, type Tensor } from '../tensor.ts';
import shader from './unit_means.wgsl';
import gradShader from './unit_means_grad.wgsl';

export interface UnitMeansAttrs {
  /** Vectors of a group. */
  readonly members: number;
}

/** Inputs first [1, E], rest [B * members, E]; outputs the unit vectors [B, 2, E] and 1 / |x| of each. */
export const unitMeansOp: Op<UnitMeansAttrs> = {
  name: 'unit_means',
  outputs({ members }, [first, rest]) {
    const [count = 0, width] = rest?.shape ?? [];
    if (rest?.dtype !== 'f32' || rest.shape.length !== 2 || !width || !(members > 0) || count % members !== 0)
      throw new ShapeError('unit_means', `rest f32 [B * ${members}, E]`, describe(rest));
    if (first?.dtype !== 'f32' || elements(first.shape) !== width)
      throw new ShapeError('unit_means', `first f32 [1, ${width}]`, describe(first));
    return [f32(count / members, 2, width), f32(count / members, 2)];
  },
  dispatches({ attrs: { members }, inputs: [first, rest], outputs: [out, inverse_norm] }) {
    const [groups, , width] = out!.shape as [number, number, number];
    return [
      {
        shader,
        bindings: { first, rest, out, inverse_norm },
        uniforms: { groups, members, width },
        ...perTask(2 * groups),
      },
    ];
  },
  cost: ({ inputs: [, rest] }) => ({ flops: 2 * elements(rest!.shape) }),
  gradient({ attrs, inputs: [first], outputs: [out, inverseNorm], upstream: [dout], needs, builder: g }) {
    const [dfirst, drest] = g.apply(unitMeansGradOp, attrs, [out, inverseNorm, dout]);
    return [needs[0] ? g.view(dfirst!, first!.shape) : undefined, needs[1] ? drest : undefined];
  },
};

const unitMeansGradOp: Op<UnitMeansAttrs> = {
  name: 'unit_means_grad',
  addend: 3,
  outputs({ members }, [out]) {
    const [groups, , width] = out!.shape as [number, number, number];
    return [f32(1, width), f32(groups * members, width)];
  },
  dispatches({ attrs: { members }, inputs: [out, inverse_norm, dout, addend], outputs: [dfirst, drest] }) {
    const [groups, , width] = out!.shape as [number, number, number];
    return [
      {
        shader: gradShader,
        bindings: { out, inverse_norm, dout, addend, dfirst, drest },
        uniforms: { groups, members, width },
        ...perTask(1 + groups, { ADDEND: addend !== undefined }),
      },
    ];
  },
  cost: ({ inputs: [out], outputs: [, drest] }) => ({
    flops: 6 * elements(out!.shape) + elements(drest!.shape),
  }),
};

/**
 * For each group of vectors the unit vector of `first` and the unit vector of the group's mean. A vector of zeros stays
 * one and has no gradient, as by l2norm.
 * @param first [1, E] @param rest [B * members, E], group after group
 * @returns [B, 2, E]
 * @throws ShapeError
 */
export const unitMeans = (g: Builder, first: Tensor, rest: Tensor, attrs: UnitMeansAttrs): Tensor =>
  g.apply(unitMeansOp, attrs, [first, rest])[0]!;

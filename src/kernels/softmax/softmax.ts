import { type Builder, describe, elements, f32, type Op, ShapeError, spread, type Tensor } from '../op.ts';
import { around } from '../reduce/reduce.ts';
import forwardShader from './softmax.wgsl';
import gradientShader from './softmax_grad.wgsl';

export interface SoftmaxAttrs {
  /** The dimension whose elements add up to 1. */
  readonly axis: number;
  /** Positive factor on x (1 / temperature). */
  readonly scale: number;
}

const workgroup = 64;

/** How many invocations share a row: rows of few elements are as many as they are short. */
const lanesFor = (length: number, variant: string | undefined) =>
  (variant ?? (length > 64 ? 'tree' : 'serial')) === 'tree' ? workgroup : 1;

/** exp(scale x) / sum of exp(scale x) along `axis`. Variants: `serial` (short rows), `tree` (long rows). */
export const softmaxOp: Op<SoftmaxAttrs> = {
  name: 'softmax',
  variants: () => ['serial', 'tree'],
  outputs({ axis, scale }, [x]) {
    if (x?.dtype !== 'f32' || !x.shape[axis])
      throw new ShapeError('softmax', `an f32 tensor with a dimension ${axis}`, describe(x));
    if (!(scale > 0)) throw new ShapeError('softmax', 'a positive scale', String(scale));
    return [f32(...x.shape)];
  },
  dispatches({ attrs: { axis, scale }, inputs: [x], outputs: [out], variant }) {
    const { outer, length, inner } = around(x!.shape, axis);
    const lanes = lanesFor(length, variant);
    return [
      {
        shader: forwardShader,
        bindings: { x, out },
        uniforms: { outer, length, inner, scale },
        overrides: { WORKGROUP: workgroup, LANES: lanes },
        workgroups: spread(Math.ceil((outer * inner * lanes) / workgroup)),
      },
    ];
  },
  cost: ({ inputs: [x] }) => ({ flops: 6 * elements(x!.shape) }),
  gradient: ({ attrs, outputs: [out], upstream: [dout], builder: g }) =>
    g.apply(softmaxGradientOp, attrs, [out, dout]),
};

const softmaxGradientOp: Op<SoftmaxAttrs> = {
  name: 'softmax_grad',
  variants: () => ['serial', 'tree'],
  outputs: (_, [out]) => [f32(...out!.shape)],
  dispatches({ attrs: { axis, scale }, inputs: [out, dout], outputs: [dx], variant }) {
    const { outer, length, inner } = around(out!.shape, axis);
    const lanes = lanesFor(length, variant);
    return [
      {
        shader: gradientShader,
        bindings: { out, dout, dx },
        uniforms: { outer, length, inner, scale },
        overrides: { WORKGROUP: workgroup, LANES: lanes },
        workgroups: spread(Math.ceil((outer * inner * lanes) / workgroup)),
      },
    ];
  },
  cost: ({ outputs: [dx] }) => ({ flops: 6 * elements(dx!.shape) }),
};

/**
 * softmax(scale * x) along `axis`.
 * @param scale positive, 1 / temperature
 * @throws ShapeError for an axis that `x` does not have or a scale that is not positive.
 */
export const softmax = (
  g: Builder,
  x: Tensor,
  { axis, scale = 1 }: { readonly axis: number; readonly scale?: number },
): Tensor => g.apply(softmaxOp, { axis, scale }, [x])[0]!;

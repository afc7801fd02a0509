import type { Capabilities } from '../../gpu/gpu.ts';
import { perItem, perTask } from '../grid.ts';
import type { Builder, Op } from '../op.ts';
import { around } from '../reduce/reduce.ts';
import { describe, elements, f32, ShapeError, type Tensor } from '../tensor.ts';
import forwardShader from './softmax.wgsl';
import gradientShader from './softmax_grad.wgsl';
import serialShader from './softmax_serial.wgsl';

export interface SoftmaxAttrs {
  /** The dimension whose elements add up to 1. */
  readonly axis: number;
  /** Positive factor on x (1 / temperature). */
  readonly scale: number;
}

const rowLanes = 64;

/** Whether one invocation has a row to itself: short rows, and all on software adapters, where barriers cost more than they gain. */
const isSerial = (length: number, { software }: Capabilities, variant: string | undefined) =>
  variant === undefined ? software || length <= 64 : variant === 'serial';

/** How many invocations share a row of the gradient: a long sum is more exact as a tree, whatever it costs. */
const gradientLanes = (length: number, variant: string | undefined) =>
  (variant ?? (length > 64 ? 'tree' : 'serial')) === 'tree' ? rowLanes : 1;

/** exp(scale x) / sum of exp(scale x) along `axis`. Variants: `serial` (short rows, software adapters), `tree` (long rows). */
export const softmaxOp: Op<SoftmaxAttrs> = {
  name: 'softmax',
  variants: () => ['serial', 'tree'],
  outputs({ axis, scale }, [x]) {
    if (x?.dtype !== 'f32' || !x.shape[axis])
      throw new ShapeError('softmax', `an f32 tensor with a dimension ${axis}`, describe(x));
    if (!(scale > 0)) throw new ShapeError('softmax', 'a positive scale', String(scale));
    return [f32(...x.shape)];
  },
  dispatches({ attrs: { axis, scale }, inputs: [x], outputs: [out], capabilities, variant }) {
    const { outer, length, inner } = around(x!.shape, axis);
    const serial = isSerial(length, capabilities, variant);
    return [
      {
        shader: serial ? serialShader : forwardShader,
        bindings: { x, out },
        uniforms: { outer, length, inner, scale },
        ...(serial ? perItem(outer * inner) : perTask(outer * inner)),
      },
    ];
  },
  cost: ({ inputs: [x] }) => ({ flops: 6 * elements(x!.shape) }),
  gradient: ({ attrs, outputs: [out], upstream: [dout], builder: g }) =>
    g.apply(softmaxGradientOp, attrs, [out, dout]),
};

const softmaxGradientOp: Op<SoftmaxAttrs> = {
  name: 'softmax_grad',
  addend: 2,
  rows: ({ attrs: { axis }, inputs: [out, , addend] }) =>
    axis > 0 ? { own: addend ? [0, 1, 2] : [0, 1], count: out!.shape[0]! } : undefined,
  variants: () => ['serial', 'tree'],
  outputs: (_, [out]) => [f32(...out!.shape)],
  dispatches({ attrs: { axis, scale }, inputs: [out, dout, addend], outputs: [dx], variant }) {
    const { outer, length, inner } = around(out!.shape, axis);
    const lanes = gradientLanes(length, variant);
    return [
      {
        shader: gradientShader,
        bindings: { out, dout, addend, dx },
        uniforms: { outer, length, inner, scale },
        ...perItem(outer * inner * lanes, { LANES: lanes, ADDEND: addend !== undefined }),
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

import { perItem, perTask } from '../grid.ts';
import { checkMaps, items, maskType, stretch } from '../masks.ts';
import type { Builder, Dispatch, Op } from '../op.ts';
import treeShader from '../reduce/reduce_sum_tree.wgsl';
import { elements, f32, ShapeError, type Tensor } from '../tensor.ts';
import forwardShader from './focal.wgsl';
import gradientShader from './focal_grad.wgsl';

export interface FocalAttrs {
  /** Exponent of (1 - pt), not negative. */
  readonly gamma: number;
  /** Distance that the one-hot mask keeps from 0 and 1, and what is added to pt. */
  readonly smooth: number;
}

/** Mean over pixels of -(1 - pt)^gamma log(pt). */
export const focalOp: Op<FocalAttrs> = {
  name: 'focal',
  outputs({ gamma }, [prob, mask]) {
    checkMaps('focal', prob, mask);
    if (!(gamma >= 0)) throw new ShapeError('focal', 'gamma of at least 0', String(gamma));
    // The second output is the workspace of the two passes.
    return [f32(), f32(Math.ceil(elements(mask!.shape) / stretch))];
  },
  dispatches({ attrs: { gamma, smooth }, inputs: [prob, mask], outputs: [out, partial] }): Dispatch[] {
    const count = elements(mask!.shape);
    const stretches = elements(partial!.shape);
    return [
      {
        shader: forwardShader,
        bindings: { prob, mask, partial },
        uniforms: {
          count,
          plane: count / mask!.shape[0]!,
          stretch,
          stretches,
          gamma,
          smoothing: smooth,
        },
        ...perTask(stretches, maskType(mask!)),
      },
      {
        shader: treeShader,
        bindings: { x: partial, addend: undefined, out },
        uniforms: {
          outer: 1,
          length: stretches,
          inner: 1,
          stretch: stretches,
          stretches: 1,
          scale: 1 / count,
        },
        ...perTask(1),
      },
    ];
  },
  cost: ({ inputs: [, mask] }) => ({ flops: 10 * elements(mask!.shape) }),
  gradient({ attrs, inputs: [prob, mask], upstream: [dout], needs, builder: g }) {
    if (needs[1]) throw new Error('focal: there is no gradient with respect to the mask');
    return g.apply(focalGradientOp, attrs, [prob, mask, dout]);
  },
};

const focalGradientOp: Op<FocalAttrs> = {
  name: 'focal_grad',
  outputs: (_, [prob]) => [f32(...prob!.shape)],
  dispatches({ attrs: { gamma, smooth }, inputs: [prob, mask, dout], outputs: [dprob] }) {
    const count = elements(mask!.shape);
    return [
      {
        shader: gradientShader,
        bindings: { prob, mask, dout, dprob },
        uniforms: { count, plane: count / mask!.shape[0]!, gamma, smoothing: smooth },
        ...perItem(count, { ITEMS: items, ...maskType(mask!) }),
      },
    ];
  },
  cost: ({ inputs: [, mask] }) => ({ flops: 15 * elements(mask!.shape) }),
};

/**
 * Focal loss of anomaly maps: the mean over pixels of -(1 - pt)^gamma log(pt), where pt = hot . prob + smooth and hot is
 * [1 - mask, mask] clamped to [smooth, 1 - smooth]. pt may exceed 1 by `smooth`; gamma 2 follows the formula there,
 * any other gamma takes max(1 - pt, 0) (PyTorch's pow gives NaN for fractions).
 * @param prob [B, 2, H, W] probabilities of normal and abnormal @param mask [B, H, W] without gradient: f32 in [0, 1], or
 * u8 of 0 and 1
 * @returns a scalar. @throws ShapeError.
 */
export const focalLoss = (
  g: Builder,
  prob: Tensor,
  mask: Tensor,
  { gamma = 2, smooth = 1e-5 }: Partial<FocalAttrs> = {},
): Tensor => g.apply(focalOp, { gamma, smooth }, [prob, mask])[0]!;

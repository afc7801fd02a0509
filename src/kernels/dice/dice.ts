import { perItem, perTask } from '../grid.ts';
import { checkMaps, items, maskType, stretch } from '../masks.ts';
import type { Builder, Dispatch, Op } from '../op.ts';
import { elements, f32, type Tensor } from '../tensor.ts';
import forwardShader from './dice.wgsl';
import gradientShader from './dice_grad.wgsl';
import meanShader from './dice_mean.wgsl';

export interface DiceAttrs {
  /** 1: abnormal probabilities against the mask; 0: normal probabilities against 1 - mask. */
  readonly channel: 0 | 1;
  /** Added to numerator and denominator. */
  readonly smooth: number;
}

/** 1 - mean over images of the Dice coefficient; also gives every image's numerator and denominator. */
export const diceOp: Op<DiceAttrs> = {
  name: 'dice',
  outputs(_, [prob, mask]) {
    const { batch, size } = checkMaps('dice', prob, mask);
    // The third output is the workspace of the two passes.
    return [f32(), f32(batch, 2), f32(batch, Math.ceil(elements(size) / stretch), 2)];
  },
  dispatches({
    attrs: { channel, smooth },
    inputs: [prob, mask],
    outputs: [out, fraction, partial],
  }): Dispatch[] {
    const [batch, stretches] = partial!.shape as [number, number, number];
    return [
      {
        shader: forwardShader,
        bindings: { prob, mask, partial },
        uniforms: { batch, plane: elements(mask!.shape) / batch, stretch, stretches, channel },
        ...perTask(batch * stretches, maskType(mask!)),
      },
      {
        shader: meanShader,
        bindings: { partial, fraction, out },
        uniforms: { batch, stretches, smoothing: smooth },
        ...perTask(1),
      },
    ];
  },
  cost: ({ inputs: [, mask] }) => ({ flops: 5 * elements(mask!.shape) }),
  gradient({ attrs, inputs: [prob, mask], outputs: [, fraction], upstream: [dout], needs, builder: g }) {
    if (needs[1]) throw new Error('dice: there is no gradient with respect to the mask');
    return g.apply(diceGradientOp, { channel: attrs.channel, shape: prob!.shape }, [mask, fraction, dout]);
  },
};

const diceGradientOp: Op<{ channel: 0 | 1; shape: readonly number[] }> = {
  name: 'dice_grad',
  outputs: ({ shape }) => [f32(...shape)],
  dispatches({ attrs: { channel }, inputs: [mask, fraction, dout], outputs: [dprob] }) {
    const batch = mask!.shape[0]!;
    const count = elements(mask!.shape);
    return [
      {
        shader: gradientShader,
        bindings: { mask, fraction, dout, dprob },
        uniforms: { batch, plane: count / batch, channel },
        ...perItem(count, { ITEMS: items, ...maskType(mask!) }),
      },
    ];
  },
  cost: ({ inputs: [mask] }) => ({ flops: 6 * elements(mask!.shape) }),
};

/**
 * Dice loss of one channel of anomaly maps: 1 - mean over images of (2 sum(a b) + smooth) / (sum(a) + sum(b) + smooth),
 * a = prob[:, channel], b = mask (channel 1, abnormal) or 1 - mask (channel 0, normal).
 * @param prob [B, 2, H, W] @param mask [B, H, W] without gradient: f32 in [0, 1], or
 * u8 of 0 and 1
 * @returns a scalar. @throws ShapeError.
 */
export const diceLoss = (
  g: Builder,
  prob: Tensor,
  mask: Tensor,
  { channel, smooth = 1 }: { readonly channel: 0 | 1; readonly smooth?: number },
): Tensor => g.apply(diceOp, { channel, smooth }, [prob, mask])[0]!;

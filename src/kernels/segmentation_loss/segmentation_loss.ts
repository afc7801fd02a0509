import { perItem, perTask } from '../grid.ts';
import { checkMaps, items, maskType, stretch } from '../masks.ts';
import type { Builder, Dispatch, Op } from '../op.ts';
import { elements, f32, type Shape, ShapeError, type Tensor } from '../tensor.ts';
import forwardShader from './segmentation_loss.wgsl';
import gradientShader from './segmentation_loss_grad.wgsl';
import meansShader from './segmentation_means.wgsl';

export interface SegmentationLossAttrs {
  /** The focal loss's, as `focalLoss` has them. */
  readonly gamma: number;
  readonly smooth: number;
  /** The Dice losses', as `diceLoss` has it. */
  readonly diceSmooth: number;
}

/** Outputs: focal, Dice of the abnormal and of the normal channel, each a scalar; every image's fractions, workspace. */
export const segmentationLossOp: Op<SegmentationLossAttrs> = {
  name: 'segmentation_loss',
  outputs({ gamma }, [prob, mask]) {
    const { batch, size } = checkMaps('segmentation_loss', prob, mask);
    if (!(gamma >= 0)) throw new ShapeError('segmentation_loss', 'gamma of at least 0', String(gamma));
    return [f32(), f32(), f32(), f32(batch, 4), f32(batch, Math.ceil(elements(size) / stretch), 5)];
  },
  dispatches({ attrs: { gamma, smooth, diceSmooth }, inputs: [prob, mask], outputs }): Dispatch[] {
    const [focal, abnormal, normal, fractions, partial] = outputs;
    const [batch, stretches] = partial!.shape as [number, number, number];
    const plane = elements(mask!.shape) / batch;
    return [
      {
        shader: forwardShader,
        bindings: { prob, mask, partial },
        uniforms: { batch, plane, stretch, stretches, gamma, smoothing: smooth },
        ...perTask(batch * stretches, maskType(mask!)),
      },
      {
        shader: meansShader,
        bindings: { partial, fractions, focal, abnormal, normal },
        uniforms: { batch, plane, stretches, dice_smoothing: diceSmooth },
        ...perTask(1),
      },
    ];
  },
  cost: ({ inputs: [, mask] }) => ({ flops: 20 * elements(mask!.shape) }),
  gradient({ attrs, inputs: [prob, mask], outputs, upstream, needs, builder: g }) {
    if (needs[1]) throw new Error('segmentation_loss: there is no gradient with respect to the mask');
    const { gamma, smooth } = attrs;
    return g.apply(gradientOp, { gamma, smooth, shape: prob!.shape }, [
      prob,
      mask,
      outputs[3],
      ...upstream.slice(0, 3),
    ]);
  },
};

const gradientOp: Op<{ gamma: number; smooth: number; shape: Shape }> = {
  name: 'segmentation_loss_grad',
  outputs: ({ shape }) => [f32(...shape)],
  dispatches({ attrs: { gamma, smooth }, inputs, outputs: [dprob] }) {
    const [prob, mask, fractions, d_focal, d_abnormal, d_normal] = inputs;
    const batch = mask!.shape[0]!;
    const count = elements(mask!.shape);
    return [
      {
        shader: gradientShader,
        bindings: { prob, mask, fractions, d_focal, d_abnormal, d_normal, dprob },
        uniforms: { batch, plane: count / batch, gamma, smoothing: smooth },
        ...perItem(count, {
          ITEMS: items,
          FOCAL: d_focal !== undefined,
          ABNORMAL: d_abnormal !== undefined,
          NORMAL: d_normal !== undefined,
          ...maskType(mask!),
        }),
      },
    ];
  },
  cost: ({ inputs: [, mask] }) => ({ flops: 27 * elements(mask!.shape) }),
};

export interface SegmentationLosses {
  readonly focal: Tensor;
  readonly abnormal: Tensor;
  readonly normal: Tensor;
}

/**
 * `focalLoss` of anomaly maps, `diceLoss` of their abnormal channel and of their normal one, from one reading of the maps.
 * @param prob [B, 2, H, W] @param mask [B, H, W] without gradient: f32 in [0, 1], or u8 of 0 and 1
 * @returns three scalars. @throws ShapeError.
 */
export function segmentationLosses(
  g: Builder,
  prob: Tensor,
  mask: Tensor,
  { gamma = 2, smooth = 1e-5, diceSmooth = 1 }: Partial<SegmentationLossAttrs> = {},
): SegmentationLosses {
  const [focal, abnormal, normal] = g.apply(segmentationLossOp, { gamma, smooth, diceSmooth }, [prob, mask]);
  return { focal: focal!, abnormal: abnormal!, normal: normal! };
}

// Masks of pixels: numbers, or a byte for each pixel, a quarter of what has to be uploaded; and the losses of anomaly maps
// that are held against them.
import { describe, elements, type Shape, ShapeError, sameShape, type TensorSpec } from './tensor.ts';

/** The override of parts/mask.wgsl. */
export const maskType = ({ dtype }: TensorSpec) => ({ MASK_BYTES: dtype === 'u8' });

/** Pixels that one workgroup of a loss adds up. */
export const stretch = 4096;
/** Pixels per invocation of a loss's gradient: spreads the cost of starting one. */
export const items = 8;

/** Number and size of the images of a loss of maps, f32 [B, 2, H, W], and masks. @throws ShapeError */
export function checkMaps(
  op: string,
  prob: TensorSpec | undefined,
  mask: TensorSpec | undefined,
): { readonly batch: number; readonly size: Shape } {
  const [batch, channels, ...size] = prob?.shape ?? [];
  if (prob?.dtype !== 'f32' || prob.shape.length !== 4 || channels !== 2 || elements(prob.shape) === 0)
    throw new ShapeError(op, 'probabilities f32[B, 2, H, W]', describe(prob));
  if ((mask?.dtype !== 'f32' && mask?.dtype !== 'u8') || !sameShape(mask.shape, [batch!, ...size]))
    throw new ShapeError(op, `a mask, f32 or u8[${[batch, ...size].join(', ')}]`, describe(mask));
  return { batch: batch!, size };
}

import { perItem } from '../grid.ts';
import type { Builder, Dispatch, Op } from '../op.ts';
import { around } from '../reduce/reduce.ts';
import { describe, elements, f32, ShapeError, type Tensor } from '../tensor.ts';
import shader from './gaussian_blur.wgsl';

/** x [..., H, W] correlated with weights [2 radius + 1] along W and along H, borders mirrored. */
export const gaussianBlurOp: Op<object> = {
  name: 'gaussian_blur',
  outputs(_, [x, weights]) {
    if (x?.dtype !== 'f32' || x.shape.length < 2)
      throw new ShapeError('gaussian_blur', 'images f32[..., H, W]', describe(x));
    if (weights?.dtype !== 'f32' || weights.shape.length !== 1 || weights.shape[0]! % 2 !== 1)
      throw new ShapeError('gaussian_blur', 'an odd number of weights', describe(weights));
    // The second output is the image between the two passes.
    return [f32(...x.shape), f32(...x.shape)];
  },
  dispatches({ inputs: [x, weights], outputs: [out, rows] }) {
    const taps = weights!.shape[0]!;
    const radius = (taps - 1) / 2;
    const pass = (from: Tensor, to: Tensor, axis: number): Dispatch => {
      const { outer, length, inner } = around(x!.shape, axis);
      const period = 2 * length;
      return {
        shader,
        bindings: { x: from, weights, out: to },
        uniforms: { outer, length, inner, taps, shift: Math.ceil(radius / period) * period - radius },
        ...perItem(elements(x!.shape)),
      };
    };
    const rank = x!.shape.length;
    return [pass(x!, rows!, rank - 1), pass(rows!, out!, rank - 2)];
  },
  cost: ({ inputs: [x, weights] }) => ({ flops: 4 * weights!.shape[0]! * elements(x!.shape) }),
};

/** exp(-k^2 / (2 sigma^2)) for |k| <= floor(truncate sigma + 0.5), adding up to 1. */
export function gaussianWeights(sigma: number, truncate: number): Float32Array {
  const radius = Math.floor(truncate * sigma + 0.5);
  const values = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    radius === 0 ? 1 : Math.exp(-0.5 * ((i - radius) / sigma) ** 2),
  );
  const sum = values.reduce((total, v) => total + v, 0);
  return Float32Array.from(values, (v) => v / sum);
}

/**
 * Gaussian smoothing of images, as SciPy's gaussian_filter with mode 'reflect'. It has no gradient.
 * @param x [..., H, W] @param sigma in pixels, at least 0 @param truncate radius in sigmas
 * @throws ShapeError for fewer than two dimensions; RangeError for a negative sigma or truncate.
 */
export function gaussianBlur(
  g: Builder,
  x: Tensor,
  { sigma, truncate = 4 }: { readonly sigma: number; readonly truncate?: number },
): Tensor {
  if (!(sigma >= 0 && truncate >= 0 && Number.isFinite(sigma * truncate)))
    throw new RangeError(
      `gaussian_blur: expected sigma and truncate of at least 0, found ${sigma}, ${truncate}`,
    );
  const values = gaussianWeights(sigma, truncate);
  const weights = g.constant('gaussian weights', values, [values.length]);
  return g.apply(gaussianBlurOp, {}, [x, weights])[0]!;
}

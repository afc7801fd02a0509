import { perItem } from '../grid.ts';
import type { Builder, Dispatch, Op } from '../op.ts';
import { describe, elements, f32, type Shape, ShapeError, type Tensor } from '../tensor.ts';
import shader from './resize_linear.wgsl';
import gradShader from './resize_linear_grad.wgsl';

export interface ResizeBilinearAttrs {
  readonly height: number;
  readonly width: number;
  /** [..., H, W, C] instead of [..., H, W]. */
  readonly channelsLast?: boolean;
}

const run = 8;

/** [outer, height, width, inner] of a shape. @throws ShapeError. */
function parts(shape: Shape, channelsLast = false) {
  const rank = channelsLast ? 3 : 2;
  if (shape.length < rank || elements(shape) === 0)
    throw new ShapeError(
      'resizeBilinear',
      channelsLast ? '[..., H, W, C] with elements' : '[..., H, W] with elements',
      `[${shape.join(', ')}]`,
    );
  const [height, width, inner = 1] = shape.slice(-rank) as [number, number, number?];
  return { outer: elements(shape.slice(0, -rank)), height, width, inner };
}

function resized(shape: Shape, { height, width, channelsLast }: ResizeBilinearAttrs): number[] {
  return channelsLast
    ? [...shape.slice(0, -3), height, width, shape.at(-1)!]
    : [...shape.slice(0, -2), height, width];
}

/** Along the middle dimension, [outer, size_in, inner] becomes [outer, size_out, inner]. */
interface Sizes {
  readonly outer: number;
  readonly size_in: number;
  readonly size_out: number;
  readonly inner: number;
}

const forwardPass = (x: Tensor, out: Tensor, sizes: Sizes): Dispatch => ({
  shader,
  bindings: { x, out },
  uniforms: { ...sizes },
  ...perItem(sizes.outer * Math.ceil(sizes.size_out / run) * sizes.inner, { RUN: run }),
});

const gradPass = (dout: Tensor, dx: Tensor, sizes: Sizes): Dispatch => ({
  shader: gradShader,
  bindings: { dout, dx },
  uniforms: { ...sizes },
  ...perItem(elements(dx.shape)),
});

/** PyTorch's bilinear interpolation, align_corners=False, without antialiasing. The second output is workspace. */
export const resizeBilinearOp: Op<ResizeBilinearAttrs> = {
  name: 'resize_bilinear',
  outputs(attrs, [x]) {
    if (x?.dtype !== 'f32') throw new ShapeError('resizeBilinear', 'an f32 tensor', describe(x));
    const { outer, height, inner } = parts(x.shape, attrs.channelsLast);
    if (!(attrs.height >= 1 && attrs.width >= 1))
      throw new ShapeError('resizeBilinear', 'a size of at least 1 x 1', `${attrs.height} x ${attrs.width}`);
    return [f32(...resized(x.shape, attrs)), f32(outer, height, attrs.width, inner)];
  },
  dispatches({ attrs, inputs: [x], outputs: [out, wide] }) {
    const { outer, height, width, inner } = parts(x!.shape, attrs.channelsLast);
    // Width first: the workspace is then the smaller one when both grow, and the second pass reads whole rows.
    return [
      forwardPass(x!, wide!, { outer: outer * height, size_in: width, size_out: attrs.width, inner }),
      forwardPass(wide!, out!, {
        outer,
        size_in: height,
        size_out: attrs.height,
        inner: attrs.width * inner,
      }),
    ];
  },
  cost: ({ outputs }) => ({ flops: outputs.reduce((sum, out) => sum + 3 * elements(out.shape), 0) }),
  gradient({ attrs, inputs: [x], upstream: [dout], builder: g }) {
    const { height, width } = parts(x!.shape, attrs.channelsLast);
    const size = { height, width, ...(attrs.channelsLast ? { channelsLast: true } : {}) };
    return [g.apply(resizeBilinearGradOp, size, [dout])[0]];
  },
};

/** The transpose: dout -> dx of the size given. The second output is workspace. */
const resizeBilinearGradOp: Op<ResizeBilinearAttrs> = {
  name: 'resize_bilinear_grad',
  outputs(attrs, [dout]) {
    const { outer, width, inner } = parts(dout!.shape, attrs.channelsLast);
    return [f32(...resized(dout!.shape, attrs)), f32(outer, attrs.height, width, inner)];
  },
  dispatches({ attrs, inputs: [dout], outputs: [dx, wide] }) {
    const { outer, height, width, inner } = parts(dout!.shape, attrs.channelsLast);
    return [
      gradPass(dout!, wide!, { outer, size_in: attrs.height, size_out: height, inner: width * inner }),
      gradPass(wide!, dx!, { outer: outer * attrs.height, size_in: attrs.width, size_out: width, inner }),
    ];
  },
  cost: ({ inputs: [dout], outputs: [, wide] }) => ({
    flops: 4 * (elements(dout!.shape) + elements(wide!.shape)), // every output is read by two inputs
  }),
};

/**
 * Bilinear interpolation as PyTorch's `F.interpolate(mode='bilinear', align_corners=False)`, without antialiasing.
 * @param x [..., H, W], or [..., H, W, C] if `channelsLast`
 * @returns the same with `height` and `width`
 * @throws ShapeError
 */
export function resizeBilinear(g: Builder, x: Tensor, attrs: ResizeBilinearAttrs): Tensor {
  return g.apply(resizeBilinearOp, attrs, [x])[0]!;
}

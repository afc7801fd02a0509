import { perTask, spread } from '../grid.ts';
import { matmul } from '../matmul/matmul.ts';
import type { Builder, Call, Dispatch, Op } from '../op.ts';
import { reduce } from '../reduce/reduce.ts';
import { concat } from '../slice/slice.ts';
import { describe, elements, f32, ShapeError, sameShape, type Tensor } from '../tensor.ts';
import stripShader from './conv2d_strip.wgsl';
import tileShader from './conv2d_tile.wgsl';
import { type Conv2dAttrs, type Geometry, geometryOf } from './geometry.ts';
import shiftedShader from './shifted_pixels.wgsl';

export type { Conv2dAttrs };

type Variant = 'strip' | 'tile';

const variants: Op<never>['variants'] = ({ subgroupSize, software }) =>
  subgroupSize === 0 ? ['tile'] : software ? ['strip', 'tile'] : ['tile', 'strip'];

/**
 * Values along K of one output channel that a strip's dispatch reads: those of its 128 channels, half a megabyte, stay
 * in a core's cache for all pixels.
 */
const stripValues = 1024;

/** The dispatches of a convolution, or with `transposed` of the derivative of its input from that of its output. */
function convolve(
  { capabilities, variant }: Pick<Call<unknown>, 'capabilities' | 'variant'>,
  { x, weight, bias, out }: { x: Tensor; weight: Tensor; bias: Tensor | undefined; out: Tensor },
  geometry: Geometry,
  transposed: boolean,
): Dispatch[] {
  const { batch, height, width, channels, outHeight, outWidth, outChannels } = geometry;
  const inner = { height, width, channels };
  const outer = { height: outHeight, width: outWidth, channels: outChannels };
  const [from, to] = transposed ? [outer, inner] : [inner, outer];
  const rows = batch * to.height * to.width;
  const [N, K] = [to.channels, from.channels];
  const half = weight.dtype === 'f16';
  const common = {
    bindings: { x, weight: half ? undefined : weight, weight_half: half ? weight : undefined, bias, out },
    uniforms: {
      rows,
      N,
      K,
      out_height: to.height,
      out_width: to.width,
      in_height: from.height,
      in_width: from.width,
      kernel_height: geometry.kernelHeight,
      kernel_width: geometry.kernelWidth,
      stride: geometry.stride,
      padding_y: geometry.padding[0],
      padding_x: geometry.padding[1],
      has_bias: Number(bias !== undefined),
    },
  };
  const overrides = {
    TRANSPOSED: transposed,
    HALF: half,
    VECTOR: K % 4 === 0 && (!transposed || N % 4 === 0),
  };
  const taps = geometry.kernelHeight * geometry.kernelWidth;
  const chosen = (variant as Variant | undefined) ?? (variants!(capabilities)[0] as Variant);
  if (chosen === 'tile')
    return [
      {
        ...common,
        shader: tileShader,
        uniforms: { ...common.uniforms, first_tap: 0, end_tap: taps },
        overrides,
        workgroups: spread(Math.ceil(rows / 64) * Math.ceil(N / 64)),
      },
    ];
  const lanes = Math.max(32, capabilities.subgroupSize); // whole subgroups
  const strip = Math.min(16, 4 * Math.ceil(rows / 4));
  const together = Math.max(1, Math.floor(stripValues / K));
  return Array.from({ length: Math.ceil(taps / together) }, (_, i) => ({
    ...common,
    shader: stripShader,
    uniforms: {
      ...common.uniforms,
      first_tap: i * together,
      end_tap: Math.min((i + 1) * together, taps),
    },
    overrides: { ...overrides, SUBGROUP: capabilities.subgroupSize, WORKGROUP: lanes, ROWS: strip },
    workgroups: spread(Math.ceil(rows / strip) * Math.ceil(N / (4 * lanes))),
  }));
}

const products = ({
  batch,
  outHeight,
  outWidth,
  outChannels,
  kernelHeight,
  kernelWidth,
  channels,
}: Geometry) => ({
  flops: 2 * batch * outHeight * outWidth * outChannels * kernelHeight * kernelWidth * channels,
});

/**
 * out[b, y, x, o] = bias[o] + sum over i, j, c of weight[i, j, o, c] x[b, s y + i - p, s x + j - q, c]. Variants:
 * `strip` (registers and subgroup broadcasts, for software adapters), `tile` (workgroup memory, for GPUs).
 */
export const conv2dOp: Op<Conv2dAttrs> = {
  name: 'conv2d',
  variants,
  outputs(attrs, [x, weight, bias]) {
    const { batch, outHeight, outWidth, outChannels } = geometryOf(attrs, x, weight);
    if (bias && (bias.dtype !== 'f32' || !sameShape(bias.shape, [outChannels])))
      throw new ShapeError('conv2d', `a bias f32[${outChannels}]`, describe(bias));
    return [f32(batch, outHeight, outWidth, outChannels)];
  },
  dispatches(call) {
    const [x, weight, bias] = call.inputs as [Tensor, Tensor, Tensor | undefined];
    const geometry = geometryOf(call.attrs, x, weight);
    return convolve(call, { x, weight, bias, out: call.outputs[0]! }, geometry, false);
  },
  cost: ({ attrs, inputs: [x, weight] }) => products(geometryOf(attrs, x, weight)),
  gradient({ attrs, inputs, upstream: [dout], needs, builder: g }) {
    const [x, weight, bias] = inputs as [Tensor, Tensor, Tensor | undefined];
    const pixels = elements(dout!.shape) / dout!.shape.at(-1)!;
    const rows = g.view(dout!, [pixels, dout!.shape.at(-1)!]);
    return [
      needs[0] ? g.apply(conv2dInputOp, { ...attrs, shape: x.shape }, [dout, weight])[0] : undefined,
      needs[1] ? weightGradient(g, attrs, { x, weight, dout: rows }) : undefined,
      needs[2] && bias ? reduce(g, rows, { kind: 'sum', axis: 0 }) : undefined,
    ];
  },
};

interface InputAttrs extends Conv2dAttrs {
  /** Of the convolution's input. */
  readonly shape: readonly number[];
}

/** d loss / d x of a convolution, from d loss / d out: every pixel of x gathers from the places that saw it. */
const conv2dInputOp: Op<InputAttrs> = {
  name: 'conv2d_input_grad',
  variants,
  outputs: ({ shape }) => [f32(...shape)],
  dispatches(call) {
    const [x, weight] = call.inputs as [Tensor, Tensor];
    const geometry = geometryOf(call.attrs, f32(...call.attrs.shape), weight);
    return convolve(call, { x, weight, bias: undefined, out: call.outputs[0]! }, geometry, true);
  },
  cost: ({ attrs, inputs: [, weight] }) => products(geometryOf(attrs, f32(...attrs.shape), weight)),
};

/** Pixels, and rows of zeros behind them: the matrix product reads its long side in fours. */
const inWholeFours = (pixels: number) => 4 * Math.ceil(pixels / 4);

/**
 * d loss / d weight, one row of the kernel after the other: what its taps see, laid out, times d loss / d out
 * [pixels, out]. So the pixels are copied once per kernel row, and never all kernel rows at a time.
 */
function weightGradient(
  g: Builder,
  attrs: Conv2dAttrs,
  { x, weight, dout }: Record<'x' | 'weight' | 'dout', Tensor>,
): Tensor {
  const { kernelHeight, kernelWidth, channels, outChannels, stride, padding } = geometryOf(attrs, x, weight);
  const pixels = dout.shape[0]!;
  const whole = kernelHeight === 1 && kernelWidth === 1 && stride === 1 && padding.every((n) => n === 0);
  const missing = inWholeFours(pixels) - pixels;
  const inFours =
    missing === 0
      ? dout
      : concat(
          g,
          [dout, g.constant('no pixels', new Float32Array(missing * outChannels), [missing, outChannels])],
          0,
        );
  const ofRows = Array.from({ length: kernelHeight }, (_, row) => {
    const seen = whole
      ? g.view(x, [1, pixels, channels])
      : g.apply(shiftedPixelsOp, { ...attrs, weight: weight.shape, row }, [x])[0]!;
    return matmul(g, whole ? dout : inFours, seen, { transposeA: true });
  });
  const all = ofRows.length === 1 ? ofRows[0]! : concat(g, ofRows, 0);
  return g.view(all, [kernelHeight, kernelWidth, outChannels, channels]);
}

interface ShiftedAttrs extends Conv2dAttrs {
  readonly weight: readonly number[];
  /** Of the kernel. */
  readonly row: number;
}

/** x [B, H, W, C] as each tap of a kernel row sees it: [kernel width, pixels in whole fours, C]. */
const shiftedPixelsOp: Op<ShiftedAttrs> = {
  name: 'conv2d_shifted_pixels',
  outputs(attrs, [x]) {
    const { batch, outHeight, outWidth, kernelWidth, channels } = geometryOf(attrs, x, f32(...attrs.weight));
    return [f32(kernelWidth, inWholeFours(batch * outHeight * outWidth), channels)];
  },
  dispatches({ attrs, inputs: [x], outputs: [out] }) {
    const geometry = geometryOf(attrs, x, f32(...attrs.weight));
    const [taps, pixels, channels] = out!.shape as [number, number, number];
    return [
      {
        shader: shiftedShader,
        bindings: { x, out },
        uniforms: {
          rows: taps * pixels,
          pixels,
          batch: geometry.batch,
          channels,
          out_height: geometry.outHeight,
          out_width: geometry.outWidth,
          in_height: geometry.height,
          in_width: geometry.width,
          tap_y: attrs.row,
          stride: geometry.stride,
          padding_y: geometry.padding[0],
          padding_x: geometry.padding[1],
        },
        ...perTask(taps * pixels),
      },
    ];
  },
  cost: () => ({ flops: 0 }),
};

/**
 * A convolution of images with channels last.
 * @param x f32 [B, H, W, C]
 * @param weight f32 or f16 [kernel height, kernel width, out, C]: a linear layer's matrix for each place of the kernel
 *   (PyTorch's [out, in, kernel height, kernel width], permuted by 2, 3, 0, 1)
 * @param bias [out]
 * @returns [B, H', W', out], H' = floor((H + 2 padding - kernel height) / stride) + 1
 * @throws ShapeError for operands that do not fit together
 */
export const conv2d = (
  g: Builder,
  x: Tensor,
  weight: Tensor,
  { bias, ...attrs }: Conv2dAttrs & { readonly bias?: Tensor | undefined } = {},
): Tensor => g.apply(conv2dOp, attrs, [x, weight, bias])[0]!;

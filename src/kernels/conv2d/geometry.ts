import { describe, elements, ShapeError, type TensorSpec } from '../tensor.ts';

export interface Conv2dAttrs {
  /** Pixels from one place of the kernel to the next; default 1. */
  readonly stride?: number | undefined;
  /** Zeros around the image: above and below, left and right; default none. */
  readonly padding?: readonly [number, number] | undefined;
}

/** A convolution as the shaders see it: sizes of its own input and output, whichever of the two is computed. */
export interface Geometry {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly outChannels: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly stride: number;
  readonly padding: readonly [number, number];
}

/**
 * @param x images [B, H, W, C]; @param weight [kernel height, kernel width, out, C]
 * @throws ShapeError
 */
export function geometryOf(
  { stride = 1, padding = [0, 0] }: Conv2dAttrs,
  x: TensorSpec | undefined,
  weight: TensorSpec | undefined,
): Geometry {
  const fail = (expected: string, found: string): never => {
    throw new ShapeError('conv2d', expected, found);
  };
  if (x?.dtype !== 'f32' || x.shape.length !== 4 || elements(x.shape) === 0)
    return fail('f32 images [B, H, W, C]', describe(x));
  if ((weight?.dtype !== 'f32' && weight?.dtype !== 'f16') || weight.shape.length !== 4)
    return fail('an f32 or f16 weight [kernel height, kernel width, out, in]', describe(weight));
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [kernelHeight, kernelWidth, outChannels, inChannels] = weight.shape as [
    number,
    number,
    number,
    number,
  ];
  if (inChannels !== channels || elements(weight.shape) === 0)
    return fail(`a weight [kernel height, kernel width, out, ${channels}]`, describe(weight));
  if (![stride, ...padding].every(Number.isInteger) || stride < 1 || Math.min(...padding) < 0)
    return fail('a stride from 1 and a padding from 0', `${stride} and ${padding.join(', ')}`);
  const places = (size: number, kernel: number, pad: number) =>
    Math.floor((size + 2 * pad - kernel) / stride) + 1;
  const outHeight = places(height, kernelHeight, padding[0]);
  const outWidth = places(width, kernelWidth, padding[1]);
  if (outHeight < 1 || outWidth < 1)
    return fail('a kernel no larger than the padded image', `${describe(weight)} on ${describe(x)}`);
  return {
    batch,
    height,
    width,
    channels,
    outHeight,
    outWidth,
    outChannels,
    kernelHeight,
    kernelWidth,
    stride,
    padding,
  };
}

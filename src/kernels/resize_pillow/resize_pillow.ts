import { perItem } from '../grid.ts';
import type { Builder, Dispatch, Op } from '../op.ts';
import { describe, elements, ShapeError, type Tensor, type TensorSpec } from '../tensor.ts';
import { coefficients, type PillowFilter } from './coefficients.ts';
import shader from './resize_pillow.wgsl';

export interface ResizePillowAttrs {
  readonly height: number;
  readonly width: number;
  readonly filter: PillowFilter;
}

const u8 = (...shape: number[]): TensorSpec => ({ shape, dtype: 'u8' });

/** Along the middle dimension: [outer, size_in, inner] becomes [outer, size_out, inner]. */
interface Sizes {
  readonly size_in: number;
  readonly size_out: number;
  readonly inner: number;
}

function pass(bindings: Record<'image' | 'spans' | 'weights' | 'out', Tensor>, sizes: Sizes): Dispatch {
  const { weights, out } = bindings;
  const count = elements(out.shape);
  return {
    shader,
    bindings,
    uniforms: { ...sizes, count, taps: weights.shape[1]! },
    ...perItem(count / 4),
  };
}

/**
 * Operands: image, then spans and weights of the width, then of the height (both absent where that size does not
 * change: the pass is skipped). The second output is workspace: the image between the passes.
 */
export const resizePillowOp: Op<ResizePillowAttrs> = {
  name: 'resize_pillow',
  outputs({ height, width }, [image, spansX, , spansY]) {
    const [h, , c] = image?.shape ?? [];
    if (
      image?.dtype !== 'u8' ||
      image.shape.length !== 3 ||
      ![1, 3, 4].includes(c!) ||
      !elements(image.shape)
    )
      throw new ShapeError('resizePillow', 'a u8 image [H, W, 1, 3 or 4] with pixels', describe(image));
    if (!(Number.isInteger(height) && Number.isInteger(width) && height >= 1 && width >= 1))
      throw new ShapeError('resizePillow', 'a size of at least 1 x 1', `${height} x ${width}`);
    if (!spansX && !spansY)
      throw new ShapeError('resizePillow', 'a size that changes', `${height} x ${width}`);
    return [u8(height, width, c!), spansX && spansY ? u8(h!, width, c!) : u8(0)];
  },
  dispatches({ inputs: [image, spansX, weightsX, spansY, weightsY], outputs: [out, between] }) {
    const [h, w, c] = image!.shape as [number, number, number];
    const [height, width] = out!.shape as [number, number];
    const wide = spansY ? between! : out!;
    const passes: Dispatch[] = [];
    if (spansX && weightsX)
      passes.push(
        pass(
          { image: image!, spans: spansX, weights: weightsX, out: wide },
          { size_in: w, size_out: width, inner: c },
        ),
      );
    if (spansY && weightsY)
      passes.push(
        pass(
          { image: spansX ? wide : image!, spans: spansY, weights: weightsY, out: out! },
          { size_in: h, size_out: height, inner: width * c },
        ),
      );
    return passes;
  },
  cost({ inputs: [, , weightsX, , weightsY], outputs: [out, between] }) {
    const vertical = weightsY ? elements(out!.shape) * weightsY.shape[1]! : 0;
    const horizontal = weightsX ? elements((weightsY ? between : out)!.shape) * weightsX.shape[1]! : 0;
    return { flops: 2 * (horizontal + vertical) };
  },
};

/**
 * Pillow's `Image.resize`, to the last bit: antialiased, horizontal pass first, rounded to 8 bits between the passes.
 * Every channel is filtered alike: for images with alpha Pillow itself multiplies by alpha before and divides after,
 * which is the caller's to do.
 * Images more than 100 times as tall as wide follow Pillow's core too, while its newest `Image.resize` takes those
 * vertically first.
 * @param image u8 [H, W, C], C = 1, 3 or 4
 * @returns u8 [height, width, C]
 * @throws ShapeError
 */
export function resizePillow(g: Builder, image: Tensor, attrs: ResizePillowAttrs): Tensor {
  const tables = (
    [
      ['width', image.shape[1]!, attrs.width],
      ['height', image.shape[0]!, attrs.height],
    ] as const
  ).flatMap(([name, from, to]) => {
    if (from === to) return [undefined, undefined];
    const { spans, weights, taps } = coefficients(from, to, attrs.filter);
    return [
      g.constant(`${attrs.filter} spans, ${name} ${from} to ${to}`, spans, [to, 2]),
      g.constant(`${attrs.filter} weights, ${name} ${from} to ${to}`, weights, [to, taps]),
    ];
  });
  return tables.some(Boolean) ? g.apply(resizePillowOp, attrs, [image, ...tables])[0]! : image;
}

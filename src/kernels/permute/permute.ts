import { perItem } from '../grid.ts';
import type { Builder, Op } from '../op.ts';
import { describe, elements, type Shape, ShapeError, type Tensor } from '../tensor.ts';
import scalarShader from './permute.wgsl';
import vec4Shader from './permute_vec4.wgsl';

export interface PermuteAttrs {
  /** out's dimension i is x's dimension order[i]. */
  readonly order: readonly number[];
}

interface Dimension {
  size: number;
  /** Elements of x from one index to the next. */
  readonly stride: number;
}

/** Dimensions of the result: without those of size 1, and neighbours that are neighbours in x as one. */
function mergedDimensions(shape: Shape, order: readonly number[]): Dimension[] {
  const merged: Dimension[] = [];
  for (const axis of [...order].reverse()) {
    const size = shape[axis]!;
    const stride = elements(shape.slice(axis + 1));
    const inner = merged[0];
    if (size === 1) continue;
    if (inner && stride === inner.stride * inner.size) inner.size *= size;
    else merged.unshift({ size, stride });
  }
  return merged;
}

/** Another order of dimensions. Variants: `vec4` where rows stay rows of whole vec4s, `scalar`. */
export const permuteOp: Op<PermuteAttrs> = {
  name: 'permute',
  variants: () => ['vec4', 'scalar'],
  outputs({ order }, [x]) {
    if (x?.dtype !== 'f32' && x?.dtype !== 'i32')
      throw new ShapeError('permute', 'an f32 or i32 tensor', describe(x));
    if (order.length !== x.shape.length || x.shape.some((_, axis) => !order.includes(axis)))
      throw new ShapeError(
        'permute',
        `an order of the dimensions of ${describe(x)}`,
        `[${order.join(', ')}]`,
      );
    if (mergedDimensions(x.shape, order).length > 5)
      throw new ShapeError('permute', 'at most 5 dimensions after merging', describe(x));
    return [{ shape: order.map((axis) => x.shape[axis]!), dtype: x.dtype }];
  },
  dispatches({ attrs: { order }, inputs: [x], outputs: [out], variant }) {
    const dimensions = mergedDimensions(x!.shape, order);
    const last = dimensions.at(-1);
    const vec4 =
      variant !== 'scalar' &&
      last?.stride === 1 &&
      dimensions.every((d) => (d === last ? d.size : d.stride) % 4 === 0);
    const sizes = dimensions.map((d) => (vec4 && d === last ? d.size / 4 : d.size));
    const strides = dimensions.map((d) => (vec4 && d !== last ? d.stride / 4 : d.stride));
    while (sizes.length < 5) {
      sizes.unshift(1);
      strides.unshift(0);
    }
    const count = elements(sizes);
    return [
      {
        shader: vec4 ? vec4Shader : scalarShader,
        bindings: { x, out },
        uniforms: { count, outer_stride: strides[0]!, shape: sizes.slice(1), strides: strides.slice(1) },
        ...perItem(count),
      },
    ];
  },
  cost: () => ({ flops: 0 }),
  gradient({ attrs: { order }, upstream: [dout], builder: g }) {
    return [permute(g, dout!, inverse(order))];
  },
};

const inverse = (order: readonly number[]) => order.map((_, axis) => order.indexOf(axis));

/**
 * An f32 or i32 tensor with its dimensions in another order, as PyTorch's `permute`.
 * @throws ShapeError where more than five dimensions remain after merging those that stay together
 */
export const permute = (g: Builder, x: Tensor, order: readonly number[]): Tensor =>
  g.apply(permuteOp, { order }, [x])[0]!;

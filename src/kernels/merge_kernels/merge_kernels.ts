import { perItem } from '../grid.ts';
import type { Builder, Dispatch, Op } from '../op.ts';
import { describe, elements, f32, type Shape, ShapeError, type Tensor } from '../tensor.ts';
import shader from './merge_kernels.wgsl';

/** Sides of the kernel that kernels of these shapes make together. */
const sides = (shapes: readonly Shape[]): readonly [number, number] => [
  Math.max(...shapes.map((shape) => shape[2]!)),
  Math.max(...shapes.map((shape) => shape[3]!)),
];

function dispatch(
  bindings: { readonly x: Tensor; readonly out: Tensor },
  own: Shape,
  [height, width]: readonly [number, number],
  flags: { readonly inverse: boolean; readonly accumulate: boolean },
): Dispatch {
  const pairs = own[0]! * own[1]!;
  return {
    shader,
    bindings,
    uniforms: {
      pairs,
      height: own[2]!,
      width: own[3]!,
      merged_width: width,
      top: (height - own[2]!) / 2,
      left: (width - own[3]!) / 2,
    },
    ...perItem(pairs, { INVERSE: flags.inverse, ACCUMULATE: flags.accumulate }),
  };
}

/** The kernels' sum as one kernel, as conv2d wants it. The first is the largest. */
export const mergeKernelsOp: Op<Record<never, never>> = {
  name: 'merge_kernels',
  outputs(_, kernels) {
    const shapes = kernels.map((kernel) => {
      if (kernel?.dtype !== 'f32' || kernel.shape.length !== 4 || elements(kernel.shape) === 0)
        throw new ShapeError('mergeKernels', 'f32 kernels [out, in, height, width]', describe(kernel));
      return kernel.shape;
    });
    const [out, inner, height, width] = shapes[0]! as [number, number, number, number];
    for (const shape of shapes) {
      const fits =
        shape[0] === out &&
        shape[1] === inner &&
        shape[2]! <= height &&
        shape[3]! <= width &&
        (height - shape[2]!) % 2 === 0 &&
        (width - shape[3]!) % 2 === 0;
      if (!fits)
        throw new ShapeError(
          'mergeKernels',
          `kernels [${out}, ${inner}, height, width] no larger than the first, ${height} x ${width}, with a common middle`,
          `[${shape.join(', ')}]`,
        );
    }
    return [f32(height, width, out, inner)];
  },
  dispatches({ inputs, outputs: [out] }) {
    const size = sides(inputs.map((kernel) => kernel!.shape));
    return inputs.map((kernel, i) =>
      dispatch({ x: kernel!, out: out! }, kernel!.shape, size, { inverse: false, accumulate: i > 0 }),
    );
  },
  cost: ({ inputs }) => ({
    flops: inputs.slice(1).reduce((sum, kernel) => sum + elements(kernel!.shape), 0),
  }),
  gradient: ({ inputs, upstream: [dout], needs, builder: g }) =>
    inputs.map((kernel, i) =>
      needs[i] ? g.apply(splitKernelOp, { shape: kernel!.shape }, [dout])[0] : undefined,
    ),
};

/** The part of d loss / d merged that is one kernel's own. */
const splitKernelOp: Op<{ shape: Shape }> = {
  name: 'merge_kernels_split',
  outputs: ({ shape }) => [f32(...shape)],
  dispatches: ({ attrs: { shape }, inputs: [merged], outputs: [own] }) => [
    dispatch({ x: merged!, out: own! }, shape, [merged!.shape[0]!, merged!.shape[1]!], {
      inverse: true,
      accumulate: false,
    }),
  ],
  cost: () => ({ flops: 0 }),
};

/**
 * The kernel of one convolution that does what convolutions with several kernels do together (each with the padding that
 * keeps the image's size): their sum, the middle of each on the middle of the first.
 * @param kernels f32 [out, in, height, width], the first one the largest
 * @returns [height, width, out, in], as conv2d wants it
 * @throws ShapeError
 */
export const mergeKernels = (g: Builder, kernels: readonly Tensor[]): Tensor =>
  g.apply(mergeKernelsOp, {}, kernels)[0]!;

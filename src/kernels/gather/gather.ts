import { perTask } from '../grid.ts';
import type { Builder, Op } from '../op.ts';
import { describe, elements, f32, ShapeError, type Tensor, type TensorSpec } from '../tensor.ts';
import gatherShader from './gather_rows.wgsl';
import scatterShader from './scatter_rows.wgsl';

/** [batches, count] of an index, and the width of the rows. @throws ShapeError. */
function check(op: string, x: TensorSpec | undefined, index: TensorSpec | undefined, batches?: number) {
  if (x?.shape.length !== 3) throw new ShapeError(op, 'x of three dimensions', describe(x));
  if (index?.dtype !== 'i32' || index.shape.length !== 2)
    throw new ShapeError(op, 'an i32 index of two dimensions', describe(index));
  const [b, count] = index.shape as [number, number];
  if (x.shape[0] !== b && x.shape[0] !== batches)
    throw new ShapeError(op, `x with ${b} batches, as the index`, describe(x));
  return { batches: b, count, width: x.shape[2]! };
}

/** out[b, m] = x[b, index[b, m]], NaN where x has no such row. */
export const gatherRowsOp: Op<Record<never, never>> = {
  name: 'gather_rows',
  outputs(_, [x, index]) {
    const { batches, count, width } = check('gatherRows', x, index, 1);
    if (x!.dtype !== 'f32' && x!.dtype !== 'f16')
      throw new ShapeError('gatherRows', 'an f32 or f16 tensor', describe(x));
    return [f32(batches, count, width)];
  },
  dispatches({ inputs: [x, index], outputs: [out] }) {
    const [batches, count, width] = out!.shape as [number, number, number];
    const length = x!.shape[1]!;
    return [
      {
        shader: gatherShader,
        bindings: { x, index, out },
        uniforms: {
          rows: batches * count,
          count,
          length,
          width,
          batch_stride: x!.shape[0] === 1 ? 0 : length * width,
        },
        ...perTask(batches * count, { HALF: x!.dtype === 'f16' }),
      },
    ];
  },
  cost: () => ({ flops: 0 }),
  gradient({ inputs: [x, index], upstream: [dout], builder: g }) {
    return [scatterRows(g, dout!, index!, { length: x!.shape[1]!, shared: x!.shape[0] === 1 }), undefined];
  },
};

export interface ScatterAttrs {
  /** Rows of each batch of the result. */
  readonly length: number;
  /** All batches are added into one. */
  readonly shared: boolean;
}

/** out[b, l] = sum of x[b, m] over the m with index[b, m] = l, in their order. */
export const scatterRowsOp: Op<ScatterAttrs> = {
  name: 'scatter_rows',
  outputs({ length, shared }, [x, index]) {
    const { batches, count, width } = check('scatterRows', x, index);
    if (x!.dtype !== 'f32' || x!.shape[1] !== count)
      throw new ShapeError('scatterRows', `f32[${batches}, ${count}, ...], a row per index`, describe(x));
    return [f32(shared ? 1 : batches, length, width)];
  },
  dispatches({ inputs: [x, index], outputs: [out], capabilities: { software, subgroupSize } }) {
    const [batches, length, width] = out!.shape as [number, number, number];
    const candidates = elements(index!.shape) / batches;
    const grid = perTask(batches * length, { STEP: candidates % 4 === 0 ? 4 : 1 });
    // A software adapter goes through the indices once for each of its vectors of lanes.
    const WORKGROUP = software ? Math.max(8, subgroupSize) : grid.overrides.WORKGROUP;
    return [
      {
        shader: scatterShader,
        bindings: { x, index, out },
        uniforms: { rows: batches * length, length, width, candidates },
        ...grid,
        overrides: { ...grid.overrides, WORKGROUP },
      },
    ];
  },
  cost: ({ inputs: [x] }) => ({ flops: elements(x!.shape) }),
  gradient({ inputs: [, index], upstream: [dout], builder: g }) {
    return [gatherRows(g, dout!, index!), undefined];
  },
};

/**
 * Rows of x chosen by index.
 * @param x [B or 1, L, D], f32 or f16; one batch is shared by all of the index's
 * @param index i32 [B, M]; an index outside 0 .. L - 1 gives a row of NaN (and no gradient)
 * @returns f32 [B, M, D]
 * @throws ShapeError
 */
export const gatherRows = (g: Builder, x: Tensor, index: Tensor): Tensor =>
  g.apply(gatherRowsOp, {}, [x, index])[0]!;

/**
 * Adds rows into zeros, the transpose of `gatherRows`; repeated indices add up in a fixed order.
 * @param x f32 [B, M, D]
 * @param index i32 [B, M]; rows whose index is outside 0 .. length - 1 are left out
 * @returns f32 [B, length, D], or [1, length, D], summed over the batches, if `shared`
 * @throws ShapeError
 */
export const scatterRows = (g: Builder, x: Tensor, index: Tensor, attrs: ScatterAttrs): Tensor =>
  g.apply(scatterRowsOp, attrs, [x, index])[0]!;

import { perItem, perTask } from '../grid.ts';
import type { Builder, Op } from '../op.ts';
import { describe, elements, f32, ShapeError, type Tensor } from '../tensor.ts';
import shader from './row_squares.wgsl';
import gradShader from './row_squares_grad.wgsl';

export interface RowSquaresAttrs {
  readonly scale: number;
}

/** Inputs x [B, D], labels [B]. */
export const rowSquaresOp: Op<RowSquaresAttrs> = {
  name: 'row_squares',
  outputs(_, [x, labels]) {
    const [rows, width] = x?.shape ?? [];
    if (x?.dtype !== 'f32' || x.shape.length !== 2 || !rows || !width)
      throw new ShapeError('row_squares', 'x f32 [B, D] with elements', describe(x));
    if (labels?.dtype !== 'f32' || labels.shape.join() !== `${rows}`)
      throw new ShapeError('row_squares', `labels f32 [${rows}]`, describe(labels));
    return [f32()];
  },
  dispatches({ attrs: { scale }, inputs: [x, labels], outputs: [out] }) {
    const [rows, width] = x!.shape as [number, number];
    return [{ shader, bindings: { x, labels, out }, uniforms: { rows, width, scale }, ...perTask(1) }];
  },
  cost: ({ inputs: [x] }) => ({ flops: 2 * elements(x!.shape) }),
  gradient({ attrs, inputs: [x, labels], upstream: [dout], needs, builder: g }) {
    if (needs[1]) throw new Error('row_squares: there is no gradient with respect to the labels');
    return g.apply(rowSquaresGradOp, attrs, [x, labels, dout]);
  },
};

const rowSquaresGradOp: Op<RowSquaresAttrs> = {
  name: 'row_squares_grad',
  addend: 3,
  outputs: (_, [x]) => [f32(...x!.shape)],
  dispatches({ attrs: { scale }, inputs: [x, labels, dout, addend], outputs: [dx] }) {
    const [rows, width] = x!.shape as [number, number];
    return [
      {
        shader: gradShader,
        bindings: { x, labels, dout, addend, dx },
        uniforms: { rows, width, scale },
        ...perItem(rows * width, { ADDEND: addend !== undefined }),
      },
    ];
  },
  cost: ({ inputs: [x] }) => ({ flops: 3 * elements(x!.shape) }),
};

/**
 * scale * sum over rows of (1 - label) * the row's squares: what pulls the rows with label 0 to zero.
 * @param x [B, D] @param labels [B] f32, without gradient
 * @returns a scalar. @throws ShapeError
 */
export const rowSquares = (g: Builder, x: Tensor, labels: Tensor, attrs: RowSquaresAttrs): Tensor =>
  g.apply(rowSquaresOp, attrs, [x, labels])[0]!;

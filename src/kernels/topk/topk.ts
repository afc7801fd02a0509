import { perItem, perTask } from '../grid.ts';
import type { Builder, Op } from '../op.ts';
import { describe, elements, f32, ShapeError, type Tensor } from '../tensor.ts';
import rankShader from './topk_rank.wgsl';
import selectShader from './topk_select.wgsl';

export interface TopkAttrs {
  readonly k: number;
}

/** The k largest of each row, with indices. Variants: `select` (few k) and `rank` (many). No gradient: it selects. */
export const topkOp: Op<TopkAttrs> = {
  name: 'topk',
  variants: () => ['select', 'rank'],
  outputs({ k }, [x]) {
    if (x?.dtype !== 'f32' || x.shape.length !== 2 || !(k >= 1 && k <= x.shape[1]!))
      throw new ShapeError(
        'topk',
        `an f32 tensor of two dimensions, with rows of at least k = ${k} >= 1`,
        describe(x),
      );
    const rows = x.shape[0]!;
    return [f32(rows, k), { shape: [rows, k], dtype: 'i32' }];
  },
  dispatches({ attrs: { k }, inputs: [x], outputs: [values, indices], variant }) {
    const [rows, width] = x!.shape as [number, number];
    const few = k <= Math.max(64, width / 64);
    const select = (variant ?? (few ? 'select' : 'rank')) === 'select';
    return [
      {
        shader: select ? selectShader : rankShader,
        bindings: { x, values, indices },
        uniforms: { rows, width, k },
        ...(select ? perTask(rows) : perItem(elements(x!.shape))),
      },
    ];
  },
  cost: ({ attrs: { k }, inputs: [x] }) => ({ flops: k * elements(x!.shape) }),
};

/**
 * The k largest of each row of x [R, N], descending: values f32 [R, k] and indices i32 [R, k]. Equal values (-0 and 0
 * are equal) come by index, lowest first; NaN comes before everything, as in PyTorch. It has no gradient.
 * @throws ShapeError unless 1 <= k <= N
 */
export const topk = (g: Builder, x: Tensor, k: number): [Tensor, Tensor] => {
  const [values, indices] = g.apply(topkOp, { k }, [x]);
  return [values!, indices!];
};

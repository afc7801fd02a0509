import { perItem } from '../grid.ts';
import type { Builder, Op } from '../op.ts';
import { reduce } from '../reduce/reduce.ts';
import { rowVariants } from '../row-lanes.ts';
import { describe, elements, f32, ShapeError, type Tensor } from '../tensor.ts';
import { gradientDispatch, type LayernormAttrs, normDispatch, rowsOf } from './dispatches.ts';
import parametersShader from './layernorm_grad_parameters.wgsl';
import parametersVec4Shader from './layernorm_grad_parameters_vec4.wgsl';
import { afterReplacing, beforeTaking } from './replaced.ts';

export type { LayernormAttrs };

const block = 32; // rows that one invocation of the parameters' gradient adds up

/** (x - mean) / sqrt(variance + epsilon) * weight + bias over the last dimension; also gives mean and 1/std. */
export const layernormOp: Op<LayernormAttrs> = {
  name: 'layernorm',
  variants: rowVariants,
  rows: ({ inputs: [x] }) => ({ own: [0], count: rowsOf(x!.shape) }),
  outputs(_, [x, weight, bias]) {
    const width = x?.shape.at(-1);
    if (x?.dtype !== 'f32' || !width)
      throw new ShapeError('layernorm', 'f32 [..., width] with elements', describe(x));
    for (const [name, t] of [
      ['weight', weight],
      ['bias', bias],
    ] as const) {
      if (t?.dtype !== 'f32' || t.shape.length !== 1 || t.shape[0] !== width)
        throw new ShapeError(`layernorm ${name}`, `f32[${width}]`, describe(t));
    }
    const rows = x.shape.slice(0, -1);
    return [f32(...x.shape), f32(...rows), f32(...rows)];
  },
  dispatches: (call) => [normDispatch(call)],
  neighbours: afterReplacing,
  cost: ({ inputs: [x] }) => ({ flops: 8 * elements(x!.shape) }),
  gradient({
    attrs,
    inputs: [x, weight],
    outputs: [, mean, inverseStd],
    upstream: [dout],
    needs,
    builder: g,
  }) {
    const dx = needs[0] ? g.apply(layernormGradientOp, attrs, [dout, x, weight])[0] : undefined;
    if (!needs[1] && !needs[2]) return [dx];
    const partials = g.apply(layernormParametersOp, {}, [dout, x, mean, inverseStd]);
    const [dweight, dbias] = partials.map((partial, i) =>
      needs[i + 1] ? reduce(g, partial, { kind: 'sum', axis: 0 }) : undefined,
    );
    return [dx, dweight, dbias];
  },
};

/**
 * dx from [dout, x, weight] and, to be added to it, what else its gradient is made of. Mean and standard deviation are
 * computed again: they cost less than a second pass over memory, and rows of several tensors can be taken together.
 */
export const layernormGradientOp: Op<LayernormAttrs> = {
  name: 'layernorm_grad',
  variants: rowVariants,
  addend: 3,
  rows: ({ inputs: [, x, , addend] }) => ({ own: addend ? [0, 1, 3] : [0, 1], count: rowsOf(x!.shape) }),
  outputs: (_, [, x]) => [f32(...x!.shape)],
  dispatches: (call) => [gradientDispatch(call)],
  neighbours: beforeTaking,
  cost: ({ outputs: [dx] }) => ({ flops: 17 * elements(dx!.shape) }),
};

/** Sums of dweight and dbias over blocks of rows, [blocks, width] each. */
const layernormParametersOp: Op<object> = {
  name: 'layernorm_grad_parameters',
  outputs(_, [, x]) {
    const blocks = Math.ceil(rowsOf(x!.shape) / block);
    return [f32(blocks, x!.shape.at(-1)!), f32(blocks, x!.shape.at(-1)!)];
  },
  dispatches({
    inputs: [dout, x, mean, inverse_std],
    outputs: [dweight_partial, dbias_partial],
    capabilities,
  }) {
    const [blocks, width] = dbias_partial!.shape as [number, number];
    const columns = capabilities.software && width % 4 === 0 ? 4 : 1;
    return [
      {
        shader: columns === 4 ? parametersVec4Shader : parametersShader,
        bindings: { dout, x, mean, inverse_std, dweight_partial, dbias_partial },
        uniforms: { rows: rowsOf(x!.shape), width: width / columns, block, blocks },
        ...perItem((blocks * width) / columns),
      },
    ];
  },
  cost: ({ inputs: [, x] }) => ({ flops: 5 * elements(x!.shape) }),
};

/**
 * Layer normalisation over the last dimension (biased variance, as PyTorch's).
 * @param x [..., D] @param weight [D] @param bias [D]
 * @throws ShapeError where they do not fit.
 */
export const layernorm = (
  g: Builder,
  x: Tensor,
  { weight, bias }: { readonly weight: Tensor; readonly bias: Tensor },
  { epsilon = 1e-5 }: Partial<LayernormAttrs> = {},
): Tensor => g.apply(layernormOp, { epsilon }, [x, weight, bias])[0]!;

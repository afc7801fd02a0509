// The dispatches of a layer norm and of its gradient, alone and with tokens in the place of some rows.
import type { Call, Dispatch } from '../op.ts';
import { rowDispatch } from '../row-lanes.ts';
import { elements, type Shape, type Tensor } from '../tensor.ts';
import forwardShader from './layernorm.wgsl';
import gradientShader from './layernorm_grad.wgsl';
import serialGradientShader from './layernorm_grad_serial.wgsl';
import replacedShader from './layernorm_replaced.wgsl';
import serialShader from './layernorm_serial.wgsl';

export interface LayernormAttrs {
  /** Added to the variance. */
  readonly epsilon: number;
}

/** Rows of x that tokens stand for. */
export interface ReplacedRows {
  readonly firstRow: number;
  readonly count: number;
  /** The token of the first of them. */
  readonly firstToken: number;
}

export const rowsOf = (shape: Shape): number => elements(shape.slice(0, -1));

const gridOf = ({ capabilities, variant }: Pick<Call<unknown>, 'capabilities' | 'variant'>, x: Tensor) =>
  rowDispatch(capabilities, rowsOf(x.shape), x.shape.at(-1)!, variant);

/** Whether the rows of x are shared out by invocations: such a kernel replaces none. */
export const isSerial = (call: Pick<Call<unknown>, 'capabilities' | 'variant'>, x: Tensor): boolean =>
  gridOf(call, x).serial;

/** Inputs x, weight, bias; outputs the result, mean and 1/std. */
export function normDispatch(call: Call<LayernormAttrs>): Dispatch {
  const [x, weight, bias] = call.inputs;
  const [out, mean, inverse_std] = call.outputs;
  const { serial, ...grid } = gridOf(call, x!);
  return {
    shader: serial ? serialShader : forwardShader,
    bindings: { x, weight, bias, out, mean, inverse_std },
    uniforms: {
      rows: rowsOf(x!.shape),
      width: x!.shape.at(-1)!,
      epsilon: call.attrs.epsilon,
      first_row: 0,
      count: 0,
    },
    ...grid,
  };
}

/** The same with tokens, the fourth input, which are written into x. Not for `isSerial`. */
export function replacedDispatch(call: Call<LayernormAttrs & ReplacedRows>): Dispatch {
  const { firstRow, count, firstToken } = call.attrs;
  const { bindings, uniforms, ...grid } = normDispatch(call);
  return {
    ...grid,
    shader: replacedShader,
    bindings: { ...bindings, tokens: call.inputs[3] },
    uniforms: { ...uniforms, first_row: firstRow, count, first_token: firstToken },
  };
}

/** Inputs dout, x, weight, an addend; output dx, and where rows are `taken` what goes to the tokens. */
export function gradientDispatch(
  call: Call<LayernormAttrs>,
  taken?: { readonly rows: Pick<ReplacedRows, 'firstRow' | 'count'>; readonly dtokens: Tensor },
): Dispatch {
  const [dout, x, weight, addend] = call.inputs;
  const [dx] = call.outputs;
  const { serial, overrides, workgroups } = gridOf(call, x!);
  return {
    shader: serial ? serialGradientShader : gradientShader,
    bindings: { dout, x, weight, addend, dx, dtokens: taken?.dtokens },
    uniforms: {
      rows: rowsOf(x!.shape),
      width: x!.shape.at(-1)!,
      epsilon: call.attrs.epsilon,
      first_row: taken?.rows.firstRow ?? 0,
      count: taken?.rows.count ?? 0,
    },
    overrides: { ...overrides, ADDEND: addend !== undefined, TAKEN: taken !== undefined },
    workgroups,
  };
}

// Layer norms whose rows tokens replace just before, and their gradients: one dispatch less on a GPU.
import type { Op, OpNode, PlacedNode, PlaceOf } from '../op.ts';
import {
  putRowsDispatch,
  type ReplaceRowsAttrs,
  replaceRowsOp,
  takeRowsOp,
} from '../replace_rows/replace_rows.ts';
import { rowVariants } from '../row-lanes.ts';
import { elements, f32, type Tensor } from '../tensor.ts';
import {
  gradientDispatch,
  isSerial,
  type LayernormAttrs,
  normDispatch,
  type ReplacedRows,
  replacedDispatch,
  rowsOf,
} from './dispatches.ts';

type ReplacedAttrs = LayernormAttrs & ReplacedRows;

/** Inputs x, weight, bias, tokens; outputs the result, mean, 1/std, and x, in which the rows are replaced. */
export const layernormReplacedOp: Op<ReplacedAttrs> = {
  name: 'layernorm_replaced',
  variants: rowVariants,
  outputs: (_, [x]) => [f32(...x!.shape), f32(rowsOf(x!.shape)), f32(rowsOf(x!.shape)), f32(...x!.shape)],
  dispatches(call) {
    const { attrs, inputs } = call;
    const [x, , , tokens] = inputs;
    if (!isSerial(call, x!)) return [replacedDispatch(call)];
    const { firstRow: start, count, firstToken: first } = attrs;
    return [putRowsDispatch(asSequence(x!), tokens!, { start, count, first }), normDispatch(call)];
  },
  cost: ({ inputs: [x] }) => ({ flops: 8 * elements(x!.shape) }),
};

/** Inputs dout, x, weight, an addend; outputs dx with zeros in the rows that were replaced, and d tokens. */
export const layernormReplacedGradientOp: Op<ReplacedAttrs> = {
  name: 'layernorm_replaced_grad',
  variants: rowVariants,
  outputs: ({ count }, [, x]) => [f32(...x!.shape), f32(count, x!.shape.at(-1)!)],
  dispatches: (call) => [gradientDispatch(call, { rows: call.attrs, dtokens: call.outputs[1]! })],
  cost: ({ outputs: [dx] }) => ({ flops: 17 * elements(dx!.shape) }),
};

const asSequence = (x: Tensor): Tensor => ({ ...x, shape: [1, rowsOf(x.shape), x.shape.at(-1)!] });

/** Rows of `whole` before the first of `part`, one sequence that lies in it; undefined: it does not. */
function rowsBefore(whole: Tensor, part: Tensor, place: PlaceOf): number | undefined {
  const [a, b] = [place(whole), place(part)];
  const row = (b.offset - a.offset) / (4 * whole.shape.at(-1)!);
  const fits = part.shape[0] === 1 && a.storage === b.storage && Number.isInteger(row) && row >= 0;
  return fits && row + part.shape[1]! <= rowsOf(whole.shape) ? row : undefined;
}

/** A layer norm behind the replacement of rows of one of its sequences. */
export function afterReplacing(first: PlacedNode, second: PlacedNode, place: PlaceOf): OpNode | undefined {
  if (first.op !== replaceRowsOp || !first.inPlace || second.op.name !== 'layernorm') return undefined;
  const [x, weight, bias] = second.inputs;
  const [replaced] = first.outputs;
  const { start, count, first: firstToken } = first.attrs as ReplaceRowsAttrs;
  const row = rowsBefore(x!, replaced!, place);
  if (row === undefined) return undefined;
  return {
    op: layernormReplacedOp as Op<unknown>,
    attrs: { ...(second.attrs as LayernormAttrs), firstRow: row + start, count, firstToken },
    inputs: [x, weight, bias, first.inputs[1]],
    outputs: [...second.outputs, replaced!],
  };
}

/** A layer norm's gradient before that of the replacement, where every token replaced a row. */
export function beforeTaking(first: PlacedNode, second: PlacedNode, place: PlaceOf): OpNode | undefined {
  if (second.op !== takeRowsOp || !second.inPlace || first.op.name !== 'layernorm_grad') return undefined;
  const [dx] = first.outputs;
  const [taken, dtokens] = second.outputs;
  const { start, count } = second.attrs as ReplaceRowsAttrs;
  const row = rowsBefore(dx!, taken!, place);
  if (row === undefined || dtokens!.shape[0] !== count) return undefined;
  return {
    op: layernormReplacedGradientOp as Op<unknown>,
    attrs: { ...(first.attrs as LayernormAttrs), firstRow: row + start, count, firstToken: 0 },
    inputs: first.inputs,
    outputs: [dx!, dtokens!, taken!],
  };
}

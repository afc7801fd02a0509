import { type Case, defineOpTest } from '../op-test.ts';
import { rowSquaresReference } from './row_squares.ref.ts';
import { type RowSquaresAttrs, rowSquaresOp } from './row_squares.ts';

const label = (i: number) => i % 2;
const make = (name: string, rows: number, width: number, scale: number): Case<RowSquaresAttrs> => ({
  name,
  attrs: { scale },
  inputs: [{ shape: [rows, width] }, { shape: [rows], values: label }],
});

const cases: Case<RowSquaresAttrs>[] = [
  make('one', 1, 1, 1),
  make('odd', 3, 37, 0.25),
  make('prior of a batch', 8, 768, 1 / 768),
  {
    name: 'between the labels',
    attrs: { scale: -2 },
    inputs: [{ shape: [5, 70] }, { shape: [5], values: (_, random) => random() }],
  },
];

export const rowSquaresTest = defineOpTest({
  op: rowSquaresOp,
  reference: rowSquaresReference,
  cases,
  wrt: [0],
});

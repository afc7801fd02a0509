import { type Case, type CaseInput, defineOpTest } from '../op-test.ts';
import { layernormGradientReference, layernormReference } from './layernorm.ref.ts';
import { type LayernormAttrs, layernormGradientOp, layernormOp } from './layernorm.ts';

const attrs = { epsilon: 1e-5 };
type Values = NonNullable<CaseInput['values']>;
const shapes = (shape: number[], values?: Values): CaseInput[] => [
  values ? { shape, values } : { shape },
  { shape: [shape.at(-1)!], values: (_, __, normal) => 1 + 0.3 * normal() },
  { shape: [shape.at(-1)!] },
];

const cases: Case<LayernormAttrs>[] = [
  { name: 'one element', attrs, inputs: shapes([3, 1]) },
  { name: 'odd', attrs, inputs: shapes([3, 5, 7]) },
  { name: 'prime', attrs, inputs: shapes([7, 33]) },
  { name: 'one row', attrs, inputs: shapes([1, 1, 130]) },
  { name: 'constant rows', attrs, inputs: shapes([2, 5], () => 3) },
  { name: 'tiny values', attrs, inputs: shapes([4, 65], (_, __, normal) => 3e-3 * normal()) },
  // Rounding x itself to f32 already costs 2^-19 of a standard deviation here.
  { name: 'offset', attrs, inputs: shapes([2, 127], (_, __, normal) => 50 + normal()), tolerance: 2e-5 },
  { name: 'more rows than one block', attrs, inputs: shapes([1370, 5]) },
  { name: 'text tokens', attrs, inputs: shapes([12, 10, 768]) },
  { name: 'vision tokens', attrs, inputs: shapes([37, 1024]) },
];

export const layernormTest = defineOpTest({
  op: layernormOp,
  reference: layernormReference,
  cases,
  differentiable: [0],
});

const gradientShapes = (shape: number[], addend: boolean): (CaseInput | undefined)[] => [
  { shape },
  { shape },
  { shape: [shape.at(-1)!], values: (_, __, normal) => 1 + 0.3 * normal() },
  addend ? { shape } : undefined,
];

export const layernormGradientTest = defineOpTest({
  op: layernormGradientOp,
  reference: layernormGradientReference,
  cases: [
    { name: 'one element', attrs, inputs: gradientShapes([3, 1], true) },
    { name: 'odd', attrs, inputs: gradientShapes([3, 5, 7], true) },
    { name: 'alone', attrs, inputs: gradientShapes([7, 36], false) },
    { name: 'prime', attrs, inputs: gradientShapes([7, 33], true) },
    { name: 'text tokens', attrs, inputs: gradientShapes([12, 10, 768], true) },
  ],
});

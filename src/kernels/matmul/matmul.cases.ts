import { type Case, type CaseInput, defineOpTest } from '../op-test.ts';
import type { Shape } from '../tensor.ts';
import { matmulReference } from './matmul.ref.ts';
import { type MatmulAttrs, matmulOp } from './matmul.ts';

interface Extra {
  readonly bias?: boolean;
  readonly residual?: Shape;
  /** Type of the weight; default f32. */
  readonly weight?: 'f16' | 'q8';
}

function product(
  name: string,
  a: Shape,
  b: Shape,
  { bias, residual, weight: dtype, ...attrs }: MatmulAttrs & Extra = {},
): Case<MatmulAttrs> {
  const columns = b.at(attrs.transposeB ? -2 : -1)!;
  const weight: CaseInput = dtype ? { shape: b, dtype } : { shape: b };
  return {
    name,
    attrs,
    inputs: [
      { shape: a },
      weight,
      bias ? { shape: [columns] } : undefined,
      residual ? { shape: residual } : undefined,
    ],
  };
}

/** A product with a weight in f16, as most are, whose other operand has such values. */
const ranged = (
  name: string,
  a: Shape,
  b: Shape,
  value: (normal: number, i: number) => number,
): Case<MatmulAttrs> => ({
  name,
  attrs: { transposeB: true },
  inputs: [
    { shape: a, values: (i, _, normal) => value(normal(), i) },
    { shape: b, dtype: 'f16' },
  ],
});

const xw: MatmulAttrs = { transposeB: true }; // x weight^T
const activated: MatmulAttrs = { ...xw, activation: 'quickgelu', saveForBackward: true };

const cases: Case<MatmulAttrs>[] = [
  product('1x1', [1, 1], [1, 1], { ...xw, bias: true }),
  product('3x5x7', [3, 5], [7, 5], { ...xw, bias: true }),
  product('17x33x19', [17, 33], [19, 33], { ...xw, bias: true }),
  product('37x130x65', [37, 130], [65, 130], { ...xw, bias: true }),
  product('1x640x40', [1, 640], [40, 640], { ...xw, bias: true }),
  product('9x768x5', [9, 768], [5, 768], { ...xw, bias: true }),
  product('5x4x1', [5, 4], [1, 4], { ...xw, bias: true }),
  product('a b', [33, 20], [20, 12]),
  product('a b, odd', [18, 7], [7, 133]),
  product('a b, whole vectors but K', [20, 7], [7, 24]),
  product('a^T b', [20, 36], [20, 12], { transposeA: true }),
  product('a^T b, odd', [6, 19], [6, 21], { transposeA: true }),
  product('a^T b^T', [24, 20], [16, 24], { transposeA: true, transposeB: true }),
  product('a^T b^T, odd', [13, 18], [11, 13], { transposeA: true, transposeB: true }),
  product('tiles and one more', [65, 36], [129, 36], xw),
  product('blocks and one more', [129, 20], [133, 20], { ...xw, bias: true, residual: [129, 133] }),
  product('many rows, summed in parts backward', [1030, 12], [20, 12], { ...xw, bias: true }),
  product('many rows, a prime number', [521, 9], [9, 7]),
  product('batch', [2, 3, 18, 12], [2, 3, 12, 8], { scale: 0.25 }),
  product('batch, shared b', [3, 5, 12], [20, 12], { ...xw, scale: -2, bias: true, residual: [3, 5, 20] }),
  product('many short sequences', [225, 5, 20], [36, 20], { ...xw, bias: true, residual: [225, 5, 36] }),
  product('batch, shared b, a^T', [3, 12, 5], [12, 7], { transposeA: true, bias: true }),
  product('batch, shared a', [17, 12], [3, 12, 8]),
  product('shared a of many rows', [514, 6], [2, 6, 5]),
  product('batch of 1, shared a', [1, 6, 9], [4, 2, 9, 5]),
  product('activation', [21, 16], [36, 16], { ...activated, bias: true, residual: [21, 36] }),
  product('relu', [21, 16], [36, 16], { ...xw, activation: 'relu', bias: true }),
  product('activation, odd', [2, 3, 5], [7, 5], { ...activated, scale: 3 }),
  {
    name: 'activation of large values',
    attrs: activated,
    inputs: [{ shape: [3, 4], values: (_, random) => 400 * random() - 200 }, { shape: [8, 4] }],
  },
  // Magnitudes that f16 does not hold.
  ranged('tiny values', [21, 40], [24, 40], (normal) => 1e-20 * normal),
  ranged('huge values', [21, 40], [24, 40], (normal) => 1e18 * normal),
  ranged('magnitudes that rise along K', [21, 72], [24, 72], (normal, i) => normal * 2 ** ((i % 72) - 36)),
  ranged('magnitudes that fall along K', [21, 72], [24, 72], (normal, i) => normal * 2 ** (36 - (i % 72))),
  ranged('zeros, then values', [21, 72], [24, 72], (normal, i) => (i % 72 < 40 ? 0 : 1e-4 * normal)),
  product('f16 weight', [20, 32], [24, 32], { ...xw, weight: 'f16', bias: true }),
  product('f16 weight, odd', [6, 15], [9, 15], { ...xw, weight: 'f16' }),
  product('f16 b', [20, 32], [32, 12], { weight: 'f16' }),
  product('f16 b, odd', [5, 9], [9, 11], { weight: 'f16' }),
  product('f16 weight, one row', [1, 64], [21, 64], { ...xw, weight: 'f16' }),
  product('f16 weight, one column', [19, 64], [1, 64], { ...xw, weight: 'f16' }),
  product('int8 weight', [20, 32], [24, 32], { ...xw, weight: 'q8', bias: true }),
  product('int8 weight, odd', [6, 15], [9, 15], { ...xw, weight: 'q8', bias: true }),
  product('int8 weight, activated', [21, 64], [36, 64], {
    ...activated,
    weight: 'q8',
    bias: true,
    residual: [21, 36],
  }),
  product('int8 b', [20, 32], [32, 12], { weight: 'q8' }),
  product('int8 b, odd', [5, 9], [9, 11], { weight: 'q8' }),
  product('int8 weight, one row', [1, 640], [21, 640], { ...xw, weight: 'q8' }),
  product('int8 weight, one column', [19, 64], [1, 64], { ...xw, weight: 'q8' }),
  product('int8 weight, tiles and one more', [65, 36], [129, 36], { ...xw, weight: 'q8' }),
  product('text fully connected', [12, 128], [512, 128], { ...activated, bias: true }),
  product('ViT rows', [145, 128], [128, 128], { ...xw, bias: true, residual: [145, 128] }),
  product('prompts against patches', [2, 2, 64], [2, 137, 64], { ...xw, scale: 1 / 0.07 }),
  product('patches against prompts', [2, 137, 64], [2, 2, 64], xw),
  product('patches against shared prompts, biased', [2, 37, 66], [3, 66], { ...xw, bias: true }),
  product('few columns, activated', [37, 64], [3, 64], { ...activated, bias: true, residual: [37, 3] }),
  product('prior network', [1, 1280], [80, 1280], { ...xw, bias: true }),
];

/** A gradient's product times the slope at x, and a residual or none. */
const sloped = (
  name: string,
  a: Shape,
  b: Shape,
  { withResidual, ...attrs }: MatmulAttrs & Pick<Extra, 'weight' | 'bias'> & { withResidual?: boolean },
): Case<MatmulAttrs> => {
  const { inputs, ...rest } = product(name, a, b, attrs);
  const shape = [...a.slice(0, -1), b.at(attrs.transposeB ? -2 : -1)!];
  return { ...rest, inputs: [...inputs.slice(0, 3), withResidual ? { shape } : undefined, { shape }] };
};

const slopeCases: Case<MatmulAttrs>[] = [
  sloped('quickgelu', [21, 16], [16, 36], { slopeOf: 'quickgelu' }),
  sloped('quickgelu, odd', [5, 7], [9, 7], {
    ...xw,
    slopeOf: 'quickgelu',
    scale: 3,
    bias: true,
    withResidual: true,
  }),
  sloped('quickgelu, f16 b', [65, 32], [32, 132], { slopeOf: 'quickgelu', weight: 'f16' }),
  sloped('quickgelu, int8 b', [33, 32], [32, 12], { slopeOf: 'quickgelu', weight: 'q8', withResidual: true }),
  sloped('relu', [8, 64], [64, 12], { slopeOf: 'relu' }),
  sloped('relu, few rows', [2, 260], [260, 36], { slopeOf: 'relu', withResidual: true }),
  sloped('few columns', [37, 64], [3, 64], { ...xw, slopeOf: 'quickgelu', withResidual: true }),
];

export const matmulTest = defineOpTest({ op: matmulOp, reference: matmulReference, cases });

/** What a gradient's product becomes with the slope of an activation: it has no gradient of its own. */
export const matmulSlopeTest = defineOpTest({
  op: matmulOp,
  reference: { forward: matmulReference.forward },
  cases: slopeCases,
});

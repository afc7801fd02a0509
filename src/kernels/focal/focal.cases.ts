import { type Case, type CaseInput, defineOpTest } from '../op-test.ts';
import { focalReference } from './focal.ref.ts';
import { type FocalAttrs, focalOp } from './focal.ts';

const attrs = { gamma: 2, smooth: 1e-5 };
const binary = (_: number, random: () => number) => (random() < 0.2 ? 1 : 0);
/** Includes exact 0 and 1: pt is then as small as 2e-5 or exceeds 1. */
const saturated = (_: number, random: () => number) => Math.min(Math.max(3 * random() - 1, 0), 1);
const maps = (
  batch: number,
  height: number,
  width: number,
  prob: CaseInput['values'] = (_, random) => 0.01 + 0.98 * random(),
): CaseInput[] => [
  { shape: [batch, 2, height, width], values: prob! },
  { shape: [batch, height, width], values: binary },
];

const bytes = ([prob, mask]: CaseInput[]): CaseInput[] => [prob!, { ...mask!, dtype: 'u8' }];

const cases: Case<FocalAttrs>[] = [
  { name: 'one pixel', attrs, inputs: maps(1, 1, 1) },
  { name: 'one image', attrs, inputs: maps(1, 5, 7) },
  { name: 'odd', attrs, inputs: maps(3, 9, 11) },
  { name: 'saturated', attrs, inputs: maps(2, 4, 6, saturated) },
  { name: 'gamma 0', attrs: { gamma: 0, smooth: 1e-5 }, inputs: maps(2, 5, 7, saturated) },
  { name: 'gamma 0.5', attrs: { gamma: 0.5, smooth: 1e-3 }, inputs: maps(2, 5, 7) },
  { name: 'gamma 3, saturated', attrs: { gamma: 3, smooth: 1e-5 }, inputs: maps(2, 5, 7, saturated) },
  {
    name: 'soft mask',
    attrs,
    inputs: [maps(2, 5, 7)[0], { shape: [2, 5, 7], values: (_, random) => random() }],
  },
  { name: 'several stretches', attrs, inputs: maps(2, 67, 97) },
  { name: 'mask of bytes', attrs, inputs: bytes(maps(3, 9, 11)) },
  { name: 'mask of bytes, several stretches', attrs, inputs: bytes(maps(2, 67, 97)) },
];

export const focalTest = defineOpTest({ op: focalOp, reference: focalReference, cases, wrt: [0] });

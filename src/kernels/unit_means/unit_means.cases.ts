import { type Case, defineOpTest } from '../op-test.ts';
import { unitMeansReference } from './unit_means.ref.ts';
import { type UnitMeansAttrs, unitMeansOp } from './unit_means.ts';

const make = (name: string, groups: number, members: number, width: number): Case<UnitMeansAttrs> => ({
  name,
  attrs: { members },
  inputs: [{ shape: [1, width] }, { shape: [groups * members, width] }],
});

const cases: Case<UnitMeansAttrs>[] = [
  make('one', 1, 1, 3),
  make('odd', 3, 5, 37),
  make('more than a workgroup', 2, 3, 133),
  make('prompts of a batch', 8, 10, 768),
  {
    name: 'zeros',
    attrs: { members: 2 },
    inputs: [
      { shape: [1, 5], values: () => 0 },
      { shape: [4, 5], values: (i, _, normal) => (i < 10 ? 0 : normal()) },
    ],
  },
];

export const unitMeansTest = defineOpTest({ op: unitMeansOp, reference: unitMeansReference, cases });

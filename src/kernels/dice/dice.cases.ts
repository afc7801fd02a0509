import { type Case, type CaseInput, defineOpTest } from '../op-test.ts';
import { diceReference } from './dice.ref.ts';
import { type DiceAttrs, diceOp } from './dice.ts';

const abnormal = { channel: 1, smooth: 1 } as const;
const normal = { channel: 0, smooth: 1 } as const;
type Values = NonNullable<CaseInput['values']>;
const binary: Values = (_, random) => (random() < 0.2 ? 1 : 0);
const maps = (batch: number, height: number, width: number, mask: Values = binary): CaseInput[] => [
  { shape: [batch, 2, height, width], values: (_, random) => random() },
  { shape: [batch, height, width], values: mask },
];

const bytes = ([prob, mask]: CaseInput[]): CaseInput[] => [prob!, { ...mask!, dtype: 'u8' }];

const cases: Case<DiceAttrs>[] = [
  { name: 'one pixel', attrs: abnormal, inputs: maps(1, 1, 1) },
  { name: 'one image, abnormal', attrs: abnormal, inputs: maps(1, 5, 7) },
  { name: 'one image, normal', attrs: normal, inputs: maps(1, 5, 7) },
  { name: 'odd, abnormal', attrs: abnormal, inputs: maps(3, 9, 11) },
  { name: 'odd, normal', attrs: { channel: 0, smooth: 0.25 }, inputs: maps(3, 9, 11) },
  { name: 'nothing abnormal', attrs: abnormal, inputs: maps(2, 4, 6, () => 0) },
  { name: 'soft mask', attrs: normal, inputs: maps(2, 4, 6, (_, random) => random()) },
  { name: 'several stretches', attrs: abnormal, inputs: maps(2, 67, 97) },
  { name: 'several stretches, normal', attrs: normal, inputs: maps(2, 67, 97) },
  { name: 'mask of bytes, abnormal', attrs: abnormal, inputs: bytes(maps(3, 9, 11)) },
  { name: 'mask of bytes, normal', attrs: normal, inputs: bytes(maps(2, 67, 97)) },
];

export const diceTest = defineOpTest({ op: diceOp, reference: diceReference, cases, wrt: [0] });

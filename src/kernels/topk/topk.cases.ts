import { type Case, type CaseInput, defineOpTest } from '../op-test.ts';
import { topkReference } from './topk.ref.ts';
import { type TopkAttrs, topkOp } from './topk.ts';

const chosen = (
  name: string,
  shape: readonly [number, number],
  k: number,
  values?: CaseInput['values'],
): Case<TopkAttrs> => ({
  name,
  attrs: { k },
  inputs: [values ? { shape, values } : { shape }],
});

const infinity = Number.POSITIVE_INFINITY;
const special = [0, -0, Number.NaN, -infinity, 1, infinity, -1e-45, 1e-45, -0, Number.NaN, -3e38, 0];

const cases: Case<TopkAttrs>[] = [
  chosen('one', [1, 1], 1),
  chosen('all', [3, 7], 7),
  chosen('k1', [2, 13], 1),
  chosen('ties', [5, 130], 33, (_, random) => Math.floor(4 * random()) - 2),
  chosen('all equal', [2, 65], 65, () => -2),
  chosen('zeros of both signs', [1, 4], 4, (i) => (i % 2 ? 0 : -0)),
  chosen('NaN, infinities, subnormals', [1, 12], 12, (i) => special[i]!),
  chosen('nothing but minus infinity and NaN', [2, 3], 3, (i) => (i === 4 ? Number.NaN : -infinity)),
  chosen('patches', [8, 1369], 10),
  chosen('close scores', [2, 1369], 10, (_, random) => 0.5 + 1e-6 * random()),
  chosen('many', [2, 1001], 500),
];

export const topkTest = defineOpTest({ op: topkOp, reference: topkReference, cases });

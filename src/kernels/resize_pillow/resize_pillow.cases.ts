import { type Case, type CaseInput, defineOpTest } from '../op-test.ts';
import { coefficients, type PillowFilter } from './coefficients.ts';
import { resizePillowReference } from './resize_pillow.ref.ts';
import { type ResizePillowAttrs, resizePillowOp } from './resize_pillow.ts';

const noise: CaseInput['values'] = (_, random) => Math.floor(256 * random());
const extremes: CaseInput['values'] = (_, random) => (random() < 0.5 ? 0 : 255); // overshoots: clipping counts

/** The tables of one dimension as `resizePillow` makes them. */
function tables(from: number, to: number, filter: PillowFilter): (CaseInput | undefined)[] {
  if (from === to) return [undefined, undefined];
  const { spans, weights, taps } = coefficients(from, to, filter);
  return [
    { shape: [to, 2], dtype: 'i32', values: (i) => spans[i]! },
    { shape: [to, taps], dtype: 'i32', values: (i) => weights[i]! },
  ];
}

const both = (
  name: string,
  [h, w, c]: readonly [number, number, number],
  [height, width]: readonly [number, number],
  values: NonNullable<CaseInput['values']> = noise,
): Case<ResizePillowAttrs>[] =>
  (['bicubic', 'bilinear'] as const).map((filter) => ({
    name: `${name}, ${filter}`,
    attrs: { height, width, filter },
    inputs: [
      { shape: [h, w, c], dtype: 'u8', values },
      ...tables(w, width, filter),
      ...tables(h, height, filter),
    ],
    tolerance: 0,
  }));

const cases: Case<ResizePillowAttrs>[] = [
  ...both('down', [9, 13, 3], [5, 7]),
  ...both('up', [13, 9, 3], [17, 21], extremes),
  ...both('down by much', [61, 97, 1], [5, 7]),
  ...both('one pixel', [1, 1, 3], [2, 3]),
  ...both('to one pixel', [31, 17, 3], [1, 1]),
  ...both('only height', [9, 13, 3], [5, 13]),
  ...both('only width', [9, 13, 1], [9, 31]),
  ...both('wider and lower', [31, 17, 3], [15, 40]),
  ...both('four channels', [20, 30, 4], [37, 11], extremes),
  ...both('a photograph', [211, 307, 3], [144, 144]),
];

export const resizePillowTest = defineOpTest({ op: resizePillowOp, reference: resizePillowReference, cases });

import { type Case, type CaseInput, defineOpTest } from '../op-test.ts';
import {
  attentionBesideReference,
  attentionPairReference,
  attentionReference,
  prefixSumReference,
} from './attention.ref.ts';
import { type AttentionAttrs, attentionOp } from './attention.ts';
import { type AttentionPairAttrs, attentionPairOp } from './attention_pair.ts';
import { type PrefixSumAttrs, prefixSumOp } from './attention_prefix_sum.ts';
import { attentionBesideOp } from './beside.ts';

/** Query-key attention of `batch` sequences of `length` rows; normal numbers. */
function make(
  name: string,
  [batch, length, heads, headDim]: readonly [number, number, number, number],
  attrs: Omit<AttentionAttrs, 'heads'> = {},
  prefixRows = attrs.prefixLength,
): Case<AttentionAttrs> {
  const packed = 3 * heads * headDim;
  const prefix: CaseInput[] = prefixRows === undefined ? [] : [{ shape: [1, prefixRows, packed] }];
  return { name, attrs: { heads, ...attrs }, inputs: [{ shape: [batch, length, packed] }, ...prefix] };
}

/** Scores of a few hundred: exp overflows unless the maximum is subtracted. */
const large: Case<AttentionAttrs> = {
  name: 'large scores',
  attrs: { heads: 1 },
  inputs: [{ shape: [1, 19, 3 * 16], values: (_, _random, normal) => 12 * normal() }],
  tolerance: 1e-4, // a score of 300 is rounded to 3e-5
};

const cases: Case<AttentionAttrs>[] = [
  make('one', [1, 1, 1, 4]),
  make('odd', [2, 5, 3, 7]),
  make('odd causal', [2, 5, 3, 7], { causal: true }),
  make('l17', [1, 17, 2, 64]),
  make('l12 causal', [3, 12, 1, 64], { causal: true }),
  make('l37', [1, 37, 2, 64]),
  make('l33 causal', [1, 33, 1, 16], { causal: true }),
  make('l65 causal', [1, 65, 1, 64], { causal: true }),
  make('l130', [1, 130, 1, 64]),
  make('vv l37', [1, 37, 2, 64], { source: 'vv' }),
  make('vv odd', [2, 9, 2, 7], { source: 'vv' }),
  make('head of 128', [1, 11, 1, 128]),
  make('head of 80, causal, long prefix', [2, 40, 1, 80], { causal: true, prefixLength: 35 }),
  make('head of 20', [2, 18, 2, 20]),
  make('small vision', [1, 145, 2, 64]),
  make('prompts', [10, 6, 2, 64], { causal: true, prefixLength: 6 }, 12),
  make('prompts of one row', [3, 1, 1, 16], { causal: true, prefixLength: 6 }),
  make('long prefix', [2, 9, 1, 16], { prefixLength: 21 }, 23),
  make('prefix of one row', [70, 3, 1, 7], { causal: true, prefixLength: 1 }, 2),
  make('windows of 2 x 2 patches', [225, 5, 2, 16]), // WinCLIP: many short sequences
  make('windows of 3 x 3 patches', [361, 10, 1, 64]),
  make('head of 32, one row a lane', [2, 7, 2, 32]),
  make('head of 32, two rows, causal', [2, 12, 1, 32], { causal: true }),
  make('head of 32, three rows', [1, 43, 2, 32]),
  make('head of 32, causal, long prefix', [2, 27, 1, 32], { causal: true, prefixLength: 9 }, 11),
  make('vv, head of 32', [2, 29, 1, 32], { source: 'vv' }),
  make('vv with prefix', [3, 5, 2, 16], { source: 'vv', prefixLength: 2 }, 4),
  large,
];

const pair = (name: string, [batch, length, heads, headDim]: readonly [number, number, number, number]) =>
  ({
    name,
    attrs: { heads },
    inputs: [{ shape: [batch, length, 3 * heads * headDim] }],
  }) satisfies Case<AttentionPairAttrs>;

/** Shares of one or two groups of sequences, and an addend or none. */
const prefixSum = (
  name: string,
  [sequences, more, length, width]: readonly [number, number, number, number],
  { rows = length, addend = false, ...attrs }: Partial<PrefixSumAttrs> & { addend?: boolean } = {},
): Case<PrefixSumAttrs> => ({
  name,
  attrs: { rows, ...attrs },
  inputs: [
    { shape: [sequences, length, 2 * width] },
    more > 0 ? { shape: [more, length, 2 * width] } : undefined,
    addend ? { shape: [1, rows, 3 * width] } : undefined,
  ],
});

const prefixSumCases: Case<PrefixSumAttrs>[] = [
  prefixSum('one', [1, 0, 1, 1]),
  prefixSum('odd', [3, 0, 5, 7], { rows: 6, addend: true }),
  prefixSum('two groups', [80, 10, 6, 32], { rows: 9, addend: true }),
  prefixSum('the second larger', [1, 70, 2, 5]),
  prefixSum('values only', [5, 2, 3, 8], { rows: 4, source: 'vv', addend: true }),
];

export const attentionTests = [
  defineOpTest({ op: attentionOp, reference: attentionReference, cases }),
  defineOpTest({
    op: attentionBesideOp,
    reference: attentionBesideReference,
    cases: [
      make('prompts beside their prefix', [10, 6, 2, 64], { causal: true, prefixLength: 6 }, 9),
      make('odd, beside a longer prefix', [3, 2, 3, 7], { causal: true, prefixLength: 5 }, 17),
      make('not causal, beside a prefix of one row', [2, 5, 1, 16], { prefixLength: 1 }, 1),
    ],
  }),
  defineOpTest({ op: prefixSumOp, reference: prefixSumReference, cases: prefixSumCases }),
  defineOpTest<AttentionPairAttrs>({
    op: attentionPairOp,
    reference: attentionPairReference,
    cases: [
      pair('odd', [2, 9, 2, 7]),
      pair('l67', [1, 67, 2, 64]),
      pair('head of 80', [2, 33, 1, 80]),
      pair('head of 32', [2, 21, 2, 32]),
    ],
    differentiable: [0, 2],
  }),
];

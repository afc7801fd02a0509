// What a score means, in plain words.
import { formatPlace } from '../core/format.ts';
import type { Learnt } from '../engine/choice.ts';
import { judge, type Limit, limitInShort, type Verdict } from '../engine/limit.ts';
import type { Region } from '../studio/regions.ts';

export type Tone = 'good' | 'unsure' | 'bad' | 'neutral';

export interface Reading {
  readonly tone: Tone;
  /** Two or three words. */
  readonly verdict: string;
  /** One or two sentences. */
  readonly text: string;
  /** Where there is a limit to hold the score against. */
  readonly passes?: Verdict;
}

/** What may be said of a photograph is measured (weights/README.md). */
const hints: Readonly<Record<Learnt, string>> = {
  drawings:
    'This small CLIP learnt from drawings above all: of two surfaces that it never saw, it scores the defective one higher in 7 to 9 of 10 cases. Choose the CLIP for photographs or a real one under Model.',
  photographs:
    'This small CLIP learnt from a few thousand photographs: of two surfaces that it never saw, it scores the defective one higher in 7 to 9 of 10 cases. Choose a real CLIP under Model for more.',
};

/** Scores this near to a limit that nobody chose on this page are called uncertain; nearer where little room is left. */
const margin = (limit: number): number => Math.min(0.05, limit / 4, (1 - limit) / 4);

/** Of a region's highest value. */
export type Place = Pick<Region, 'x' | 'y'>;

export interface Judged {
  readonly score: number;
  /** Stored with the prompts, or chosen on this page (`limit` tells). */
  readonly threshold?: number | undefined;
  readonly limit?: Limit | undefined;
  /** Highest region, if any. */
  readonly region?: Place | undefined;
  /** The weights were never trained. */
  readonly untrained: boolean;
  /** A photograph, and a CLIP that learnt from this alone. */
  readonly unfamiliar?: Learnt | undefined;
}

export function readScore({ score, threshold, limit, region, untrained, unfamiliar }: Judged): Reading {
  const value = limit?.value ?? threshold;
  const chosenHere = limit !== undefined && limit.from !== 'prompts';
  if (untrained && !chosenHere)
    return {
      tone: 'neutral',
      verdict: 'No verdict',
      text: 'This model has random weights: the picture shows that everything runs, and says nothing about defects.',
    };
  // Neither comes out of this engine; what cannot be compared must not look normal.
  if (!Number.isFinite(score) || (value !== undefined && !(value >= 0 && value <= 1)))
    return {
      tone: 'bad',
      verdict: 'No result',
      text: 'The score or the limit is not a number between 0 and 1: the weights or the prompts are damaged. Nothing is known of this image.',
      ...(value === undefined ? {} : { passes: 'fail' as const }),
    };
  const where = region ? ` The strongest sign is ${preposition(region)}.` : '';
  if (unfamiliar && !chosenHere)
    return {
      tone: 'unsure',
      verdict: 'Only a hint',
      text: `${hints[unfamiliar]} Or calibrate on good photographs.${where}`,
    };
  if (value === undefined) return withoutLimit(score, where);
  const passes = judge(score, value);
  const close = !chosenHere && Math.abs(score - value) < margin(value);
  const scale = `Fails from ${limitInShort(limit ?? { value, from: 'prompts' })}`;
  const caution = untrained
    ? ' This model has random weights: it may miss every defect.'
    : unfamiliar
      ? ` This small CLIP learnt from ${unfamiliar === 'drawings' ? 'drawings above all' : 'few photographs'}: it may miss defects.`
      : '';
  return {
    tone: close ? 'unsure' : passes === 'pass' ? 'good' : 'bad',
    verdict: passes === 'pass' ? 'Pass' : 'Fail',
    text: `${close ? 'Close to the limit. ' : ''}${scale}${caution}${passes === 'fail' ? where : ''}`,
    passes,
  };
}

/** Prompts that were not calibrated. */
function withoutLimit(score: number, where: string): Reading {
  const scale = 'These prompts were not calibrated, so 0.50 serves as the limit.';
  if (Math.abs(score - 0.5) < margin(0.5))
    return { tone: 'unsure', verdict: 'Not sure', text: `Too close to the limit to call. ${scale}${where}` };
  return score < 0.5
    ? { tone: 'good', verdict: 'Looks normal', text: scale }
    : { tone: 'bad', verdict: 'Probably a defect', text: `${scale}${where}` };
}

function preposition({ x, y }: Place): string {
  const place = formatPlace(x, y);
  return place === 'centre' ? 'in the centre' : `at the ${place.replace(', half way up', '')}`;
}

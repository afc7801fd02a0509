// From which score a photograph fails: where that comes from, and how sure it is.
import { goodImagesNeeded, thresholdFromGood } from '../../src/eval/threshold.ts';
import { isAnomalous, isThreshold } from '../../src/model/faprompt/verdict.ts';

export interface Limit {
  readonly value: number;
  /** Stored with the prompts, from good photographs on this page, or entered by hand. */
  readonly from: 'prompts' | 'calibrated' | 'hand';
  /** For `calibrated`: the share of good parts that may fail, as it was asked for. */
  readonly rate?: number;
  /** Good photographs that it was made from. */
  readonly good?: number;
  /** The chance that a further good part fails is at most this (split conformal prediction). */
  readonly bound?: number;
  /** Scores of the good photographs, so that another rate can be chosen later. */
  readonly scores?: readonly number[];
}

export type Verdict = 'pass' | 'fail';

/** A score that is not a number never passes. */
export const judge = (score: number, limit: number): Verdict => (isAnomalous(score, limit) ? 'fail' : 'pass');

/**
 * The limit from scores of good photographs, as `faprompt calibrate` chooses it.
 * @param rate share of good parts that may fail
 * @returns undefined where no limit would let all of them pass: a good photograph scores 1
 */
export function limitFromGood(scores: readonly number[], rate: number): Limit | undefined {
  const { threshold, good, bound } = thresholdFromGood(scores, rate);
  if (!isThreshold(threshold)) return undefined;
  return { value: threshold, from: 'calibrated', rate, good, scores, ...(bound === null ? {} : { bound }) };
}

const percent = (share: number): string => {
  const value = 100 * share;
  return `${value < 10 && Math.round(value) !== value ? value.toFixed(1) : Math.round(value)}\u{a0}%`;
};

/** The same in half a sentence, for every photograph's verdict. */
export function limitInShort({ value, from, good = 0, bound }: Limit): string {
  const limit = value.toFixed(3);
  if (from === 'hand') return `${limit}, set by hand.`;
  if (from === 'prompts') return `${limit}, stored with the prompts.`;
  return `${limit}, from ${good} good photograph${good === 1 ? '' : 's'}${bound === undefined ? '' : `: at most ${percent(bound)} of good parts fail`}.`;
}

/** Where a limit comes from and what may be said of it, in words. */
export function limitInWords({ value, from, rate, good = 0, bound }: Limit): string {
  const limit = value.toFixed(3);
  if (from === 'hand') return `${limit}, set by hand: nothing is known about false alarms.`;
  if (from === 'prompts') return `${limit}, by the calibration stored with these prompts.`;
  const base = `${limit}, from ${good} good photograph${good === 1 ? '' : 's'}`;
  if (bound === undefined || rate === undefined) return `${base}.`;
  const promise = `at most ${percent(bound)} of further good parts fail, as long as they are like these`;
  if (bound <= rate + 1e-9) return `${base}: ${promise}.`;
  return `${base}, just above all of them: ${promise}. That is more than the ${percent(rate)} that you chose; promising it takes ${goodImagesNeeded(rate)} good photographs.`;
}

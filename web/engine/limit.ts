// From which score a photograph fails: where that comes from, and how sure it is.

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
}

export type Verdict = 'pass' | 'fail';

/** A score that is not a number never passes. */
export const judge = (score: number, limit: number): Verdict => (score < limit ? 'pass' : 'fail');

const percent = (share: number): string => {
  const value = 100 * share;
  return `${value < 10 && Math.round(value) !== value ? value.toFixed(1) : Math.round(value)} %`;
};

/** Where a limit comes from and what may be said of it, in words. */
export function limitInWords({ value, from, rate, good = 0, bound }: Limit): string {
  const limit = value.toFixed(3);
  if (from === 'hand') return `${limit}, set by hand: nothing is known about false alarms.`;
  if (from === 'prompts') return `${limit}, by the calibration stored with these prompts.`;
  const base = `${limit}, from ${good} good photograph${good === 1 ? '' : 's'}`;
  if (bound === undefined || rate === undefined) return `${base}.`;
  const promise = `at most ${percent(bound)} of further good parts fail, as long as they are like these`;
  if (bound <= rate + 1e-9) return `${base}: ${promise}.`;
  const needed = Math.ceil(1 / rate - 1 - 1e-9);
  return `${base}, just above all of them: ${promise}. That is more than the ${percent(rate)} that you chose; promising it takes ${needed} good photographs.`;
}

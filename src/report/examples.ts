// Which images a report shows: chosen while they pass by, so that only those that are shown stay in memory.
import { type EvalSample, ranking } from '../eval/index.ts';

export interface Example {
  readonly file: string;
  readonly className: string;
  readonly sample: EvalSample;
  /** Average precision of the map's pixels; null without mask or without an anomalous pixel in it. */
  readonly pixelAp: number | null;
}

export interface Examples {
  /** Normal images with the highest scores. */
  readonly falseAlarms: readonly Example[];
  /** Anomalous images with the lowest scores. */
  readonly misses: readonly Example[];
  /** Anomalous images whose maps fit the masks best and worst; without masks, those with the highest scores. */
  readonly best: readonly Example[];
  readonly worst: readonly Example[];
  /** Smallest and largest value of all maps. */
  readonly range: readonly [number, number];
}

/** @param count images of each kind */
export function createExamples(count: number): {
  add(file: string, className: string, sample: EvalSample): void;
  result(): Examples;
} {
  const falseAlarms = createTop(count);
  const misses = createTop(count);
  const surest = createTop(count);
  const best = createTop(count);
  const worst = createTop(count);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  return {
    add(file, className, sample) {
      const { anomalous, score, map, mask } = sample;
      for (const value of map ?? []) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
      const pixelAp = map && mask && anomalous ? (ranking(mask, map)?.ap ?? null) : null;
      const example = { file, className, sample, pixelAp };
      if (!anomalous) {
        falseAlarms.add(score, example);
        return;
      }
      misses.add(-score, example);
      surest.add(score, example);
      if (pixelAp === null) return;
      best.add(pixelAp, example);
      worst.add(-pixelAp, example);
    },
    result: () => ({
      falseAlarms: falseAlarms.result(),
      misses: misses.result(),
      best: best.result().length > 0 ? best.result() : surest.result(),
      worst: worst.result(),
      range: low <= high ? [low, high] : [0, 1],
    }),
  };
}

/** The examples with the highest keys, highest first; of equal ones the earlier. */
function createTop(count: number) {
  const kept: { key: number; example: Example }[] = [];
  return {
    add(key: number, example: Example): void {
      const at = kept.findIndex((other) => key > other.key);
      kept.splice(at < 0 ? kept.length : at, 0, { key, example });
      if (kept.length > count) kept.pop();
    },
    result: (): Example[] => kept.map(({ example }) => example),
  };
}

import { describe, expect, it } from 'vitest';
import { createRandom } from '../src/base/random.ts';
import {
  goodImagesNeeded,
  MetricInputError,
  maxF1,
  thresholdFromGood,
  thresholdFromLabelled,
} from '../src/eval/index.ts';

const hundred = Array.from({ length: 100 }, (_, i) => i / 100);

describe('threshold from good images alone', () => {
  it('calls so many of them that a further one is called at most at the rate', () => {
    // (called + 1) / 101 <= 0.05: four.
    const found = thresholdFromGood(hundred, 0.05);
    expect(found).toMatchObject({ method: 'good', target: 0.05, good: 100, anomalous: 0 });
    expect(found.falsePositiveRate).toBeCloseTo(0.04, 12);
    expect(found.bound).toBeCloseTo(5 / 101, 12);
    // Half way between the highest that passes and the lowest that is called.
    expect(found.threshold).toBeCloseTo(0.955, 12);
    expect(found.truePositiveRate).toBeNull();
  });

  it('keeps its promise on further images', () => {
    const random = createRandom(3);
    const draw = () => random.normal() ** 3;
    let called = 0;
    const trials = 4000;
    for (let i = 0; i < trials; i++) {
      const { threshold } = thresholdFromGood(Array.from({ length: 39 }, draw), 0.1);
      if (draw() >= threshold) called++;
    }
    // Exactly 4 / 40 for scores without ties; three standard errors are 0.014.
    expect(Math.abs(called / trials - 0.1)).toBeLessThan(0.0143);
  });

  it('says what holds when there are too few', () => {
    expect(goodImagesNeeded(0.01)).toBe(99);
    expect(thresholdFromGood(hundred.slice(0, 99), 0.01).bound).toBeCloseTo(0.01, 12);
    const few = thresholdFromGood([0.2, 0.4, 0.3], 0.01);
    expect(few.bound).toBe(0.25);
    expect(few.falsePositiveRate).toBe(0);
    expect(few.threshold).toBeGreaterThan(0.4);
    expect(few.threshold).toBeLessThan(0.4 + 1e-12);
  });

  it('ties are called together or not at all', () => {
    const scores = [...Array<number>(90).fill(0.1), ...Array<number>(10).fill(0.7)];
    expect(thresholdFromGood(scores, 0.05)).toMatchObject({ falsePositiveRate: 0 });
    expect(thresholdFromGood(scores, 0.05).threshold).toBeGreaterThan(0.7);
    const looser = thresholdFromGood(scores, 0.2);
    expect(looser.falsePositiveRate).toBe(0.1);
    expect(looser.threshold).toBeCloseTo(0.4, 12);
    // All the same: none is called.
    expect(thresholdFromGood([0.5, 0.5, 0.5, 0.5], 0.5).falsePositiveRate).toBe(0);
    expect(thresholdFromGood([0, 0], 0).threshold).toBeGreaterThan(0);
    expect(thresholdFromGood([-2, -1], 0).threshold).toBeGreaterThan(-1);
    expect(thresholdFromGood([-2, -1], 0).threshold).toBeLessThan(-0.999999);
  });
});

describe('threshold from labelled images', () => {
  const labels = [...hundred.map(() => 0), 1, 1, 1, 1];
  const scores = [...hundred, 0.5, 0.965, 1.2, 1.3];

  it('reaches the target false-positive rate, and no lower threshold does', () => {
    const found = thresholdFromLabelled(labels, scores, 0.03);
    expect(found).toMatchObject({ method: 'labelled', target: 0.03, good: 100, anomalous: 4, bound: null });
    expect(found.falsePositiveRate).toBeCloseTo(0.03, 12);
    // The anomalous image between two good ones is found.
    expect(found.truePositiveRate).toBe(0.75);
    expect(found.threshold).toBeGreaterThan(0.96);
    expect(found.threshold).toBeLessThan(0.965);
    expect(thresholdFromLabelled(labels, scores, 0)).toMatchObject({
      falsePositiveRate: 0,
      truePositiveRate: 0.5,
    });
  });

  it('without a target gives the best F1', () => {
    const found = thresholdFromLabelled(labels, scores);
    expect(found).toMatchObject({ method: 'f1', target: null, falsePositiveRate: 0, truePositiveRate: 0.5 });
    const precision = 1;
    const recall = found.truePositiveRate!;
    expect((2 * precision * recall) / (precision + recall)).toBeCloseTo(maxF1(labels, scores)!, 12);
    expect(found.threshold).toBeGreaterThan(0.99);
    expect(found.threshold).toBeLessThan(1.2);
    // The best may be to call everything.
    expect(thresholdFromLabelled([0, 1, 1], [0.5, 0.5, 0.5])).toMatchObject({
      threshold: 0.5,
      truePositiveRate: 1,
    });
  });
});

describe('input that has no threshold', () => {
  it.each<[string, () => unknown, string]>([
    ['no images', () => thresholdFromGood([], 0.1), 'scores'],
    ['a score that is NaN', () => thresholdFromGood([0.1, Number.NaN], 0.1), 'scores[1]'],
    ['an infinite score', () => thresholdFromLabelled([0, 1], [0.1, Number.POSITIVE_INFINITY]), 'scores[1]'],
    ['a rate of 1', () => thresholdFromGood([0.1], 1), 'rate'],
    ['a negative rate', () => thresholdFromLabelled([0, 1], [0.1, 0.2], -0.1), 'rate'],
    ['one label only', () => thresholdFromLabelled([1, 1], [0.1, 0.2], 0.1), 'labels'],
    ['different lengths', () => thresholdFromLabelled([1], [0.1, 0.2], 0.1), 'labels'],
  ])('%s', (_, call, field) => {
    const error = (() => {
      try {
        return call();
      } catch (reason) {
        return reason;
      }
    })();
    expect(error).toBeInstanceOf(MetricInputError);
    expect((error as MetricInputError).field).toBe(field);
  });
});

import { describe, expect, it } from 'vitest';
import {
  auroc,
  averagePrecision,
  createPixelMetrics,
  MetricInputError,
  maxF1,
  type PixelMetricsResult,
  type PixelMetricValues,
  ranking,
} from '../src/eval/index.ts';
import { publishedPro, publishedThresholds } from '../src/eval/pro.ts';
import { regionAreas } from '../src/eval/regions.ts';

/** Deterministic uniform numbers in [0, 1). */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

// The definitions, straight, in float64 and quadratic time.

function naiveRanking(labels: number[], scores: number[]) {
  const positives = scores.filter((_, i) => labels[i]! > 0);
  const negatives = scores.filter((_, i) => labels[i]! <= 0);
  if (positives.length === 0 || negatives.length === 0) return null;
  let right = 0;
  for (const p of positives) for (const n of negatives) right += p > n ? 1 : p === n ? 0.5 : 0;
  let ap = 0;
  let best = 0;
  let iou = 0;
  let recall = 0;
  for (const threshold of [...new Set(scores)].sort((a, b) => b - a)) {
    const tp = positives.filter((s) => s >= threshold).length;
    const fp = negatives.filter((s) => s >= threshold).length;
    ap += (tp / positives.length - recall) * (tp / (tp + fp));
    recall = tp / positives.length;
    best = Math.max(best, (2 * tp) / (tp + fp + positives.length));
    iou = Math.max(iou, tp / (fp + positives.length));
  }
  return { auroc: right / positives.length / negatives.length, ap, maxF1: best, iou };
}

type Case = { maps: Float32Array[]; masks: (Uint8Array | null)[]; width: number; height: number };

/** Regions by repeatedly spreading the smallest pixel index to neighbours until nothing changes. */
function naiveRegions(mask: Uint8Array, width: number, height: number): number[][] {
  const label = Array.from(mask, (v, i) => (v > 0 ? i : -1));
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = 0; i < mask.length; i++) {
      if (label[i]! < 0) continue;
      const [x, y] = [i % width, Math.floor(i / width)];
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const other = label[v * width + u]!;
          if (other >= 0 && other < label[i]!) {
            label[i] = other;
            changed = true;
          }
        }
      }
    }
  }
  return [...new Set(label.filter((l) => l >= 0))].map((l) =>
    [...label.keys()].filter((i) => label[i] === l),
  );
}

function naivePro({ maps, masks, width, height }: Case, thresholds: number[], strict: boolean) {
  const regions = masks.flatMap((mask, k) =>
    mask ? naiveRegions(mask, width, height).map((pixels) => pixels.map((i) => maps[k]![i]!)) : [],
  );
  const normal = maps.flatMap((map, k) => [...map].filter((_, i) => !masks[k]?.[i]));
  const share = (scores: number[], t: number) =>
    scores.filter((s) => (strict ? s > t : s >= t)).length / scores.length;
  const x = thresholds.map((t) => share(normal, t));
  const y = thresholds.map((t) => regions.reduce((sum, r) => sum + share(r, t), 0) / regions.length);
  return { x, y };
}

function naivePublishedPro(input: Case): number | null {
  const scores = input.maps.flatMap((map) => [...map]);
  const [lo, hi] = [Math.min(...scores), Math.max(...scores)];
  if (lo === hi) return null;
  // As NumPy 1 has it: a float64 step, thresholds compared as float32.
  const step = Math.fround(hi - lo) / 200;
  const count = Math.ceil(Math.fround(hi - lo) / step);
  const curve = naivePro(
    input,
    Array.from({ length: count }, (_, i) => Math.fround(lo + i * (lo + step - lo))),
    true,
  );
  const kept = [...curve.x.keys()].filter((i) => curve.x[i]! < 0.3);
  let x = kept.map((i) => curve.x[i]!);
  const y = kept.map((i) => curve.y[i]!);
  const [low, high] = [Math.min(...x), Math.max(...x)];
  if (!(high > low)) return null;
  x = x.map((v) => (v - low) / (high - low));
  let area = 0;
  for (let i = 1; i < x.length; i++) area += ((x[i]! - x[i - 1]!) * (y[i]! + y[i - 1]!)) / 2;
  return Math.abs(area);
}

function naiveMvtecPro(input: Case): number {
  const thresholds = [...new Set(input.maps.flatMap((map) => [...map]))].sort((a, b) => b - a);
  const curve = naivePro(input, thresholds, false);
  const [x, y] = [
    [0, ...curve.x],
    [0, ...curve.y],
  ];
  let area = 0;
  for (let i = 1; i < x.length && x[i - 1]! < 0.3; i++) {
    const end = Math.min(x[i]!, 0.3);
    const t = x[i] === x[i - 1] ? 0 : (end - x[i - 1]!) / (x[i]! - x[i - 1]!);
    area += ((end - x[i - 1]!) * (y[i - 1]! + y[i - 1]! + t * (y[i]! - y[i - 1]!))) / 2;
  }
  return area / 0.3;
}

function naivePixels(input: Case): PixelMetricValues {
  const scores = input.maps.flatMap((map) => [...map]);
  const labels = input.maps.flatMap((map, k) => [...map].map((_, i) => (input.masks[k]?.[i] ? 1 : 0)));
  const ranked = naiveRanking(labels, scores);
  if (!ranked) return { auroc: null, ap: null, maxF1: null, pro: null, proMvtec: null, iou: null };
  return { ...ranked, pro: naivePublishedPro(input), proMvtec: naiveMvtecPro(input) };
}

function measure({ maps, masks, width, height }: Case, options = {}): PixelMetricsResult {
  const metrics = createPixelMetrics(options);
  maps.forEach((map, k) => {
    metrics.add(map, masks[k]!, { width, height });
  });
  return metrics.result();
}

const PIXEL_METRICS = ['auroc', 'ap', 'maxF1', 'pro', 'proMvtec', 'iou'] as const;

function expectNear(found: number | null, expected: number | null, tolerance: number, what: string) {
  if (expected === null || found === null) expect(found, what).toBe(expected);
  else
    expect(Math.abs(found - expected), `${what}: ${found}, expected ${expected}`).toBeLessThanOrEqual(
      tolerance,
    );
}

/** A few small images with blobs; `levels` > 0 quantises the scores so that they tie. */
function randomCase(seed: number, levels: number, signed = false): Case {
  const next = uniform(seed);
  for (let i = 0; i < 5; i++) next();
  const width = 3 + Math.floor(next() * 10);
  const height = 3 + Math.floor(next() * 10);
  const images = 1 + Math.floor(next() * 4);
  const input: Case = { maps: [], masks: [], width, height };
  const density = [0, 0.03, 0.15, 0.4, 1][Math.floor(next() * 5)]!;
  for (let k = 0; k < images; k++) {
    const mask = Uint8Array.from({ length: width * height }, () => (next() < density ? 255 : 0));
    const map = Float32Array.from(mask, (m) => {
      const score = next() ** 2 + (m ? 0.3 * next() : 0) - (signed ? 0.6 : 0);
      return levels > 0 ? Math.round(score * levels) / levels : score;
    });
    input.maps.push(map);
    input.masks.push(mask.some(Boolean) || next() < 0.5 ? mask : null);
  }
  return input;
}

function pixelCase(width: number, mask: number[], map: number[]): Case {
  return {
    maps: [Float32Array.from(map)],
    masks: [Uint8Array.from(mask)],
    width,
    height: mask.length / width,
  };
}

const single: Record<string, Case> = {
  'constant map': pixelCase(3, [1, 0, 0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]),
  'constant map of zeros, either sign': pixelCase(2, [1, 0, 0, 0], [0, -0, 0, -0]),
  'no anomaly': pixelCase(2, [0, 0, 0, 0], [0.1, 0.2, 0.3, 0.4]),
  'only anomalies': pixelCase(2, [1, 1, 1, 1], [0.1, 0.2, 0.3, 0.4]),
  'one pixel, normal': pixelCase(1, [0], [0.3]),
  'one pixel, anomalous': pixelCase(1, [1], [0.3]),
  'one region': pixelCase(3, [1, 1, 0, 1, 0, 0, 0, 0, 0], [0.9, 0.8, 0.4, 0.3, 0.35, 0.1, 0.2, 0.5, 0.05]),
  'regions touching by a corner': pixelCase(
    4,
    [1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1],
    [0.9, 0.1, 0.3, 0.2, 0.4, 0.8, 0.2, 0.1, 0.7, 0.15, 0.25, 0.6],
  ),
  'smallest float32 range': pixelCase(2, [1, 0, 0, 0], [1 + 2 ** -23, 1, 1, 1]),
  'denormal and huge scores': pixelCase(2, [1, 0, 1, 0, 0, 0], [1e-42, -1e-42, 3e38, -3e38, 2, 1e-40]),
};

const NUMPY = [
  { lo: 0, hi: 1, length: 200, second: 0.004999999888241291, last: 0.9950000047683716 },
  { lo: 0.1, hi: 0.9, length: 200, second: 0.10400000214576721, last: 0.8959999680519104 },
  { lo: 1000, hi: 1000.7, length: 200, second: 1000.0034790039062, last: 1000.696533203125 },
  { lo: -3.3, hi: 5.1, length: 200, second: -3.257999897003174, last: 5.057999610900879 },
  { lo: 1, hi: 1.0000001192092896, length: 200, second: 1, last: 1.0000001192092896 },
  { lo: 0.25, hi: 0.2501, length: 201, second: 0.2500005066394806, last: 0.2500999867916107 },
];

describe('image metrics', () => {
  it('equal the definitions on random scores, with and without ties', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const next = uniform(seed);
      const count = 2 + Math.floor(next() * 60);
      const levels = [2, 5, 1000][seed % 3]!;
      const labels = Array.from({ length: count }, () => (next() < 0.3 ? 1 : 0));
      const scores = labels.map((l) => Math.round((next() - 0.5 + 0.2 * l) * levels) / levels);
      for (const typed of [scores, Float64Array.from(scores), Float32Array.from(scores)]) {
        const expected = naiveRanking(labels, [...typed]);
        expectNear(auroc(labels, typed), expected?.auroc ?? null, 1e-12, 'auroc');
        expectNear(averagePrecision(labels, typed), expected?.ap ?? null, 1e-12, 'ap');
        expectNear(maxF1(labels, typed), expected?.maxF1 ?? null, 1e-12, 'maxF1');
      }
    }
  });

  it('reports the threshold of the best F1', () => {
    expect(ranking([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])).toMatchObject({ auroc: 0.75, threshold: 0.35 });
    expect(ranking([0, 1], Float32Array.of(-2, -1))).toEqual({
      auroc: 1,
      ap: 1,
      maxF1: 1,
      iou: 1,
      threshold: -1,
    });
  });

  it('tells scores apart that only float64 can', () => {
    expect(auroc([0, 1], [1, 1 + 2 ** -40])).toBe(1);
  });

  it('ranks infinite scores', () => {
    for (const type of [Float32Array, Float64Array]) {
      const scores = type.of(Number.NEGATIVE_INFINITY, 1, Number.POSITIVE_INFINITY);
      expect(auroc([0, 0, 1], scores)).toBe(1);
      expect(auroc([1, 0, 0], scores)).toBe(0);
    }
  });

  it('are null when a label does not occur', () => {
    for (const labels of [[], [0, 0], [1, 1]]) {
      const scores = labels.map((_, i) => i);
      expect([auroc, averagePrecision, maxF1].map((metric) => metric(labels, scores))).toEqual([
        null,
        null,
        null,
      ]);
    }
  });

  it('refuse NaN and lengths that differ', () => {
    expect(() => auroc([0, 1], [0.5, Number.NaN])).toThrow(
      new MetricInputError('scores[1]', 'a number', 'NaN'),
    );
    expect(() => auroc([0, 1], Float32Array.of(Number.NaN, 1))).toThrow(
      'scores[0]: expected a number, found NaN',
    );
    expect(() => maxF1([0, 1, 1], [0.5, 0.6])).toThrow('labels: expected 2 entries, one per score, found 3');
  });
});

describe('pixel metrics', () => {
  it.each(Object.entries(single))('equal the definitions: %s', (_name, input) => {
    const found = measure(input);
    const expected = naivePixels(input);
    for (const metric of PIXEL_METRICS) expectNear(found[metric], expected[metric], 1e-12, metric);
    expect(found.bounds).toBeNull();
  });

  it('joins regions by corners, not across the image border', () => {
    const mask = Uint8Array.of(1, 0, 0, 1, 0, 255, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1);
    const { areas, regions, pixels } = regionAreas(mask, 4, 4);
    expect([...areas]).toEqual([3, 0, 0, 1, 0, 3, 0, 0, 3, 0, 0, 2, 0, 0, 0, 2]);
    expect([regions, pixels]).toEqual([3, 6]);
  });

  it('equal the definitions on random images', () => {
    let defined = 0;
    for (let seed = 1; seed <= 80; seed++) {
      const input = randomCase(seed, [0, 4, 25, 0][seed % 4]!, seed % 5 === 0);
      const [found, expected] = [measure(input), naivePixels(input)];
      for (const metric of PIXEL_METRICS) {
        expectNear(found[metric], expected[metric], 1e-11, `seed ${seed}, ${metric}`);
      }
      if (expected.pro !== null) defined++;
    }
    expect(defined).toBeGreaterThan(30);
  });

  it('from a histogram stay within their bounds', () => {
    let compared = 0;
    for (let seed = 1; seed <= 90; seed++) {
      const input = randomCase(seed, [0, 4, 1e5, 0][seed % 4]!, seed % 25 === 0);
      // Squeezed into a few buckets (2^-15 wide), so that the bounds are put to the test.
      if (seed % 3 === 0) input.maps = input.maps.map((map) => map.map((s) => 0.75 + s * 2 ** -12));
      const [exact, found] = [measure(input), measure(input, { mode: 'histogram' })];
      for (const metric of PIXEL_METRICS) {
        if (exact[metric] === null || found[metric] === null) continue;
        expect(found.bounds?.[metric], metric).not.toBeNull();
        expectNear(found[metric], exact[metric], found.bounds![metric]! + 1e-12, `seed ${seed}, ${metric}`);
        compared++;
      }
      expect(found.auroc === null).toBe(exact.auroc === null);
    }
    expect(compared).toBeGreaterThan(200);
  });

  it('from a histogram have small bounds on many distinct scores', () => {
    const next = uniform(7);
    const size = 512;
    const mask = Uint8Array.from({ length: size * size }, (_, i) =>
      i % size < 150 && i < size * 300 ? 1 : 0,
    );
    const map = Float32Array.from(mask, (m) => 0.2 + 0.5 * next() + (m ? 0.25 * next() : 0));
    const input = { maps: [map], masks: [mask], width: size, height: size };
    const [exact, found] = [measure(input), measure(input, { mode: 'histogram' })];
    for (const metric of PIXEL_METRICS) {
      expect(found.bounds![metric]!).toBeGreaterThan(0);
      expect(found.bounds![metric]!).toBeLessThan(1e-3);
      expectNear(found[metric], exact[metric], found.bounds![metric]!, metric);
    }
  });

  it('switches to the histogram beyond the budget and not before', () => {
    const input: Case = { ...randomCase(3, 0), maps: [], masks: [], width: 8, height: 8 };
    const next = uniform(11);
    for (let k = 0; k < 4; k++) {
      input.masks.push(Uint8Array.from({ length: 64 }, () => (next() < 0.2 ? 1 : 0)));
      input.maps.push(Float32Array.from({ length: 64 }, next));
    }
    expect(measure(input, { exactPixels: 256 }).bounds).toBeNull();
    const switched = measure(input, { exactPixels: 255 });
    expect(switched.bounds).not.toBeNull();
    expect(switched).toEqual(measure(input, { mode: 'histogram' }));
    expect(measure(input, { mode: 'exact', exactPixels: 1 }).bounds).toBeNull();
  });

  it('can be read again after more images, and do not change their input', () => {
    const input = randomCase(8, 0);
    const before = input.maps.map((map) => map.slice());
    const metrics = createPixelMetrics();
    const add = (k: number) =>
      metrics.add(input.maps[k]!, input.masks[k]!, { width: input.width, height: input.height });
    add(0);
    metrics.result();
    for (let k = 1; k < input.maps.length; k++) add(k);
    expect(metrics.result()).toEqual(measure(input));
    expect(input.maps).toEqual(before);
  });

  it('refuse scores that are not finite and sizes that differ, and do not count the image', () => {
    const metrics = createPixelMetrics();
    const mask = Uint8Array.of(0, 1, 0, 0);
    expect(() => metrics.add(new Float32Array(3), mask, { width: 2, height: 2 })).toThrow(
      'map: expected 2 x 2 = 4 scores, found 3',
    );
    expect(() => metrics.add(new Float32Array(4), new Uint8Array(6), { width: 2, height: 2 })).toThrow(
      MetricInputError,
    );
    expect(() => metrics.add(Float32Array.of(0, Number.NaN, 0, 0), mask, { width: 2, height: 2 })).toThrow(
      'map[1]: expected a finite score, found NaN',
    );
    expect(() =>
      metrics.add(Float32Array.of(0, 0, 0, Number.NEGATIVE_INFINITY), null, { width: 2, height: 2 }),
    ).toThrow('map[3]');
    expect(metrics.result()).toMatchObject({ pixels: 0, auroc: null, pro: null });
    metrics.add(Float32Array.of(0, 1, 0, 0), mask, { width: 2, height: 2 });
    expect(metrics.result()).toMatchObject({ pixels: 4, auroc: 1, iou: 1, threshold: 1 });
  });

  it('reads a map that is a view into a larger buffer', () => {
    const buffer = Float32Array.of(9, 9, 0.1, 0.4, 0.2, 0.3);
    const metrics = createPixelMetrics();
    metrics.add(buffer.subarray(2), Uint8Array.of(0, 1, 0, 0), { width: 2, height: 2 });
    expect(metrics.result()).toMatchObject({ auroc: 1, threshold: Math.fround(0.4) });
  });
});

describe('published PRO', () => {
  // numpy.arange(lo, hi, (hi - lo) / 200) with float32 lo, hi, in NumPy 1.24, as float32.
  it.each(NUMPY)('has the thresholds of numpy.arange($lo, $hi)', ({ lo, hi, length, second, last }) => {
    const thresholds = publishedThresholds(Math.fround(lo), Math.fround(hi))!;
    expect(thresholds.length).toBe(length);
    expect([thresholds[0], thresholds[1], thresholds.at(-1)]).toEqual([Math.fround(lo), second, last]);
  });

  it('bounds the error of a curve that is too low by up to its slack', () => {
    let tight = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const next = uniform(seed * 77);
      const points = 4 + Math.floor(next() * 12);
      const falling = () => Float64Array.from({ length: points }, next).sort().reverse();
      const largest = 10 ** -(1 + 3 * next());
      // Moved by up to the slack, either curve or both, staying monotone and within [0, 1].
      const moved = (curve: Float64Array, by: number) =>
        curve
          .map((v) => Math.min(1, v + by * next()))
          .sort()
          .reverse();
      const fpr = falling();
      const overlap = falling();
      const trueFpr = seed % 3 === 0 ? fpr : moved(fpr, largest);
      const trueOverlap = seed % 3 === 1 ? overlap : moved(overlap, largest);
      const slack = (truth: Float64Array, curve: Float64Array) =>
        truth.map((v, i) => Math.max(v - curve[i]!, 0));
      const none = new Float64Array(points);
      const found = publishedPro({
        fpr,
        overlap,
        fprSlack: slack(trueFpr, fpr),
        overlapSlack: slack(trueOverlap, overlap),
      });
      const exact = publishedPro({ fpr: trueFpr, overlap: trueOverlap, fprSlack: none, overlapSlack: none });
      if (found.value === null || exact.value === null) continue;
      expect(exact.bound).toBe(0);
      expectNear(found.value, exact.value, found.bound! + 1e-12, `seed ${seed}`);
      if (Math.abs(found.value - exact.value) > 0.2 * found.bound!) tight++;
    }
    expect(tight).toBeGreaterThan(20);
  });
});

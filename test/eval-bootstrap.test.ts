// Confidence intervals and metrics per kind of defect.
import { describe, expect, it } from 'vitest';
import { createRandom, deriveSeed } from '../src/base/random.ts';
import { createBootstrap, interval } from '../src/eval/bootstrap.ts';
import {
  createPixelMetrics,
  type EvalSample,
  evaluate,
  evaluateClass,
  formatTable,
  METRICS,
  meanRow,
  ranking,
  withDefects,
} from '../src/eval/index.ts';
import { pixelKeys } from '../src/eval/pixel-keys.ts';

const side = 8;

/** Images of which every third is normal; all scores are multiples of 1/64 in [0.5, 1), one bucket each. */
function images(count: number, seed: number, kinds = ['cut', 'dent']): EvalSample[] {
  const random = createRandom(seed);
  const coarse = (shift: number) => (32 + Math.min(31, Math.max(0, random.int(24) + shift))) / 64;
  return Array.from({ length: count }, (_, i) => {
    const anomalous = i % 3 !== 0;
    const mask = new Uint8Array(side * side);
    if (anomalous) {
      const [x, y] = [random.int(side - 3), random.int(side - 3)];
      for (let dy = 0; dy < 3; dy++) for (let dx = 0; dx < 3; dx++) mask[(y + dy) * side + x + dx] = 1;
      if (i % 2 === 0) mask[0] = 1;
    }
    return {
      anomalous,
      ...(anomalous ? { defect: kinds[(i >> 2) % kinds.length]! } : {}),
      score: coarse(anomalous ? 4 : 0),
      width: side,
      height: side,
      map: Float32Array.from(mask, (one) => coarse(one * 6)),
      mask: anomalous ? mask : null,
    };
  });
}

const labels = (samples: readonly EvalSample[]) => samples.map(({ anomalous }) => Number(anomalous));
const scores = (samples: readonly EvalSample[]) => samples.map(({ score }) => score);

describe('bootstrap', () => {
  const samples = images(30, 1);
  const bootstrap = createBootstrap();
  for (const { anomalous, score, map, mask, width, height } of samples) {
    bootstrap.add(anomalous, score, pixelKeys(map!, mask, width, height));
  }

  it('replicates are the metrics of the images drawn, each as often as it was', () => {
    const { drawn, all } = bootstrap.run({ replicates: 6, seed: 9 });
    expect(drawn).toHaveLength(6);
    const random = createRandom(deriveSeed(9, 'bootstrap', ''));
    const strata = [false, true].map((label) => samples.filter(({ anomalous }) => anomalous === label));
    for (const { image, pixel } of drawn) {
      const again = strata.flatMap((stratum) => stratum.map(() => random.pick(stratum)));
      expect(image).toEqual(ranking(labels(again), scores(again)));
      const pixels = createPixelMetrics({ mode: 'exact' });
      for (const { map, mask } of again) pixels.add(map!, mask, { width: side, height: side });
      const exact = pixels.result();
      expect(exact.auroc).not.toBeNull();
      for (const metric of ['auroc', 'ap', 'maxF1', 'iou', 'proMvtec', 'pro'] as const) {
        expect(pixel![metric]).toBeCloseTo(exact[metric]!, 12);
      }
    }
    expect(all.image).toEqual(ranking(labels(samples), scores(samples)));
  });

  it('the same seed gives the same replicates, another one others', () => {
    const run = (seed: number) => bootstrap.run({ replicates: 3, seed });
    expect(run(2)).toEqual(run(2));
    expect(run(2).drawn).not.toEqual(run(3).drawn);
  });

  it('spreads as the standard error of the AUROC (Hanley and McNeil, 1982)', () => {
    const many = images(600, 5);
    const image = createBootstrap();
    for (const { anomalous, score } of many) image.add(anomalous, score, null);
    const values = image.run({ replicates: 400 }).drawn.map((replicate) => replicate.image!.auroc);
    const mean = values.reduce((a, b) => a + b) / values.length;
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length - 1));
    const auroc = ranking(labels(many), scores(many))!.auroc;
    const q1 = auroc / (2 - auroc);
    const q2 = (2 * auroc ** 2) / (1 + auroc);
    const [positives, negatives] = [400, 200];
    const expected = Math.sqrt(
      (auroc * (1 - auroc) + (positives - 1) * (q1 - auroc ** 2) + (negatives - 1) * (q2 - auroc ** 2)) /
        (positives * negatives),
    );
    expect(deviation / expected).toBeGreaterThan(0.8);
    expect(deviation / expected).toBeLessThan(1.2);
    expect(Math.abs(mean - auroc)).toBeLessThan(expected / 4);
  });

  it('intervals are percentiles, moved to the exact value and kept in [0, 1]', () => {
    const drawn = Array.from({ length: 101 }, (_, i) => i / 100);
    const own = interval(drawn, 0.5, 0.5, 0.9)!;
    expect(own.low).toBeCloseTo(0.05, 12);
    expect(own.high).toBeCloseTo(0.95, 12);
    const moved = interval(drawn, 0.5, 0.48, 0.9)!;
    expect(moved.low).toBeCloseTo(0.03, 12);
    expect(moved.high).toBeCloseTo(0.93, 12);
    expect(interval(drawn, 0.5, 0.7, 0.9)).toMatchObject({ high: 1 });
    expect(interval([0.5], 0.5, 0.5)).toBeNull();
  });
});

describe('evaluate with intervals', () => {
  const options = { bootstrap: { replicates: 60 } };

  it('has one for every metric that is defined, around it', async () => {
    const row = await evaluateClass({ name: 'tile', samples: images(36, 2) }, options);
    for (const metric of METRICS) {
      const { low, high } = row.intervals![metric]!;
      expect(low).toBeLessThan(high);
      expect(low).toBeLessThanOrEqual(row.metrics[metric]!);
      expect(high).toBeGreaterThanOrEqual(row.metrics[metric]!);
    }
    const labelled = images(12, 3).map((sample) => ({ ...sample, map: null }));
    const { intervals } = await evaluateClass({ name: 'scan', samples: labelled }, options);
    expect([intervals!.pixelAuroc, intervals!.pro]).toEqual([null, null]);
    expect(intervals!.imageAuroc).not.toBeNull();
    expect((await evaluateClass({ name: 'tile', samples: images(6, 2) })).intervals).toBeUndefined();
  });

  it('the mean of classes that vary alone varies less than each of them', async () => {
    const classes = ['a', 'b', 'c', 'd'].map((name, i) => ({ name, samples: images(30, 10 + i) }));
    const { classes: rows, mean } = await evaluate(classes, options);
    expect(mean.metrics).toEqual(meanRow(rows).metrics);
    const width = ({ low, high }: { low: number; high: number }) => high - low;
    const widths = rows.map((row) => width(row.intervals!.imageAuroc!));
    // A quarter of the sum of four independent spreads of about the same size: half of one.
    const ratio = width(mean.intervals!.imageAuroc!) / (widths.reduce((a, b) => a + b) / 4);
    expect(ratio).toBeGreaterThan(0.3);
    expect(ratio).toBeLessThan(0.75);
    const { low, high } = mean.intervals!.pixelAp!;
    expect(low).toBeLessThan(mean.metrics.pixelAp!);
    expect(high).toBeGreaterThan(mean.metrics.pixelAp!);
  });

  it('prints them', async () => {
    const row = await evaluateClass({ name: 'tile', samples: images(36, 2) }, options);
    const { low, high } = row.intervals!.imageAuroc!;
    const cell = `${row.metrics.imageAuroc!.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
    expect(formatTable([row], ['imageAuroc'], 2)).toContain(cell);
  });
});

describe('kinds of defects', () => {
  const samples = images(24, 4, ['cut', 'dent', 'hole']);
  const only = (kind: string) => samples.filter(({ anomalous, defect }) => !anomalous || defect === kind);

  it.each(['exact', 'histogram'] as const)(
    'each is measured against all normal images (%s)',
    async (mode) => {
      const row = await evaluateClass({ name: 'tile', samples }, { mode });
      expect(row.defects!.map(({ name }) => name)).toEqual(['cut', 'dent', 'hole']);
      for (const defect of row.defects!) {
        const alone = only(defect.name).map(({ defect: _, ...sample }) => sample);
        const { defects, ...expected } = await evaluateClass({ name: defect.name, samples: alone }, { mode });
        expect(defects).toBeUndefined();
        expect(defect).toEqual(expected);
        expect(defect.anomalies).toBeLessThan(row.anomalies);
      }
      // The class itself is not changed by kinds.
      const plain = samples.map(({ defect: _, ...sample }) => sample);
      const { metrics } = await evaluateClass({ name: 'tile', samples: plain }, { mode });
      for (const metric of METRICS) expect(row.metrics[metric]).toBeCloseTo(metrics[metric]!, 12);
    },
  );

  it('keeps the kinds apart when exact becomes histogram on the way', async () => {
    const row = await evaluateClass({ name: 'tile', samples }, { exactPixels: 10 * side * side });
    const expected = await evaluateClass({ name: 'tile', samples }, { mode: 'histogram' });
    expect(row).toEqual(expected);
  });

  it('prints several kinds below their class', async () => {
    const row = await evaluateClass({ name: 'tile', samples });
    expect(withDefects([row]).map(({ name }) => name)).toEqual(['tile', '  cut', '  dent', '  hole']);
    const one = await evaluateClass({ name: 'tile', samples: only('cut') });
    expect(withDefects([one])).toEqual([one]);
  });
});

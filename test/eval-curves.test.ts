import { describe, expect, it } from 'vitest';
import { createRandom } from '../src/base/random.ts';
import { type CurvePoint, createCurve } from '../src/eval/curves.ts';
import { createPixelMetrics, evaluate, ranking } from '../src/eval/index.ts';
import { rocCurve } from '../src/eval/ranking.ts';

const area = (curve: readonly CurvePoint[], y: 'tpr' | 'overlap', limit = 1): number => {
  let sum = 0;
  for (let i = 1; i < curve.length; i++) {
    const [a, b] = [curve[i - 1]!, curve[i]!];
    if (a.fpr >= limit) break;
    const end = Math.min(b.fpr, limit);
    const part = b.fpr > a.fpr ? (end - a.fpr) / (b.fpr - a.fpr) : 0;
    sum += (end - a.fpr) * (a[y] + (part * (b[y] - a[y])) / 2);
  }
  return sum / limit;
};

const random = createRandom(5);
const scores = Float64Array.from({ length: 3000 }, () => random.next());
const labels = scores.map((score) => (random.next() < score ? 1 : 0));

describe('curves', () => {
  it('of images have the area of the AUROC, with ties and without', () => {
    for (const levels of [0, 7]) {
      const tied = levels ? scores.map((score) => Math.round(score * levels)) : scores;
      const curve = rocCurve(labels, tied)!;
      expect(area(curve, 'tpr')).toBeCloseTo(ranking(labels, tied)!.auroc, levels ? 12 : 3);
      expect(curve.length).toBeLessThan(500);
      expect([curve[0], curve.at(-1)]).toEqual([
        { fpr: 0, tpr: 0, overlap: 0 },
        { fpr: 1, tpr: 1, overlap: 0 },
      ]);
    }
    expect(rocCurve([1, 1], [0.1, 0.2])).toBeNull();
  });

  it('of pixels have the areas of AUROC and PRO', () => {
    const [width, height] = [60, 50];
    const metrics = createPixelMetrics();
    for (let k = 0; k < 3; k++) {
      const mask = Uint8Array.from({ length: width * height }, (_, i) =>
        (i % width) % 20 < 4 && i > 1000 ? 1 : 0,
      );
      const map = Float32Array.from(mask, (value) => random.next() + value * random.next() * 0.5);
      metrics.add(map, mask, { width, height });
    }
    const { values, curve } = metrics.withCurve();
    expect(values).toEqual(metrics.result());
    expect(area(curve!, 'tpr')).toBeCloseTo(values.auroc!, 3);
    expect(area(curve!, 'overlap', 0.3)).toBeCloseTo(values.proMvtec!, 3);
  });

  it('keep every corner of a staircase', () => {
    const curve = createCurve({ positives: 2, negatives: 2000, regions: 0 });
    const visit = (score: number, anomalous: boolean) =>
      curve.visit({
        score,
        positives: Number(anomalous),
        negatives: Number(!anomalous),
        coverage: 0,
        highest: 0,
      });
    for (let i = 0; i < 1000; i++) visit(2000 - i, false);
    visit(900, true);
    for (let i = 0; i < 1000; i++) visit(800 - i, false);
    visit(-900, true);
    const points = curve.result();
    const corners = points.filter((point, i) => point.tpr !== points[i + 1]?.tpr);
    expect(corners.map(({ fpr, tpr }) => [fpr, tpr])).toEqual([
      [0.5, 0],
      [1, 0.5],
      [1, 1],
    ]);
    expect(points.length).toBeLessThan(250);
  });

  it('come with the rows that ask for them', async () => {
    const sample = (anomalous: boolean, score: number) => ({
      anomalous,
      score,
      width: 2,
      height: 1,
      map: Float32Array.of(0.1, score),
      mask: anomalous ? Uint8Array.of(0, 1) : null,
    });
    const classes = () => [{ name: 'x', samples: [sample(false, 0.2), sample(true, 0.9)] }];
    const { classes: rows, mean } = await evaluate(classes(), { curves: true });
    expect(rows[0]!.curves!.image).toEqual([
      { fpr: 0, tpr: 0, overlap: 0 },
      { fpr: 0, tpr: 1, overlap: 0 },
      { fpr: 1, tpr: 1, overlap: 0 },
    ]);
    expect(rows[0]!.curves!.pixel!.at(-1)).toEqual({ fpr: 1, tpr: 1, overlap: 1 });
    expect(mean.curves).toBeUndefined();
    expect((await evaluate(classes())).classes[0]!.curves).toBeUndefined();
  });
});

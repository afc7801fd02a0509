import { createPixelMetrics, type PixelMetricsOptions } from './pixels.ts';
import { ranking } from './ranking.ts';

/** One image with what a detector said about it. */
export type EvalSample = {
  anomalous: boolean;
  /** Image score, higher means more anomalous. */
  score: number;
  width: number;
  height: number;
  /** Anomaly map, row major, width * height; null where only image scores are evaluated. */
  map: Float32Array | null;
  /** Anomalous where > 0, the map's size; null: a normal image, or an anomalous one whose mask is not known. */
  mask: Uint8Array | null;
};

export type EvalClass = { name: string; samples: Iterable<EvalSample> | AsyncIterable<EvalSample> };

/** Metrics in the order in which tables print them. */
export const METRICS = [
  'imageAuroc',
  'imageAp',
  'imageMaxF1',
  'pixelAuroc',
  'pixelAp',
  'pixelMaxF1',
  'pro',
  'proMvtec',
  'iou',
] as const;

export type MetricName = (typeof METRICS)[number];

/** Values in [0, 1], null where undefined (never 0 or NaN). */
export type MetricRow = {
  name: string;
  images: number;
  anomalies: number;
  metrics: Record<MetricName, number | null>;
  /** Largest possible error of the pixel metrics that were computed from a histogram; null: exact. */
  bounds: Partial<Record<MetricName, number | null>> | null;
};

export type Evaluation = { classes: MetricRow[]; mean: MetricRow };

/**
 * Metrics of one class. Pixel metrics are over the images whose every pixel's label is known: an anomalous image
 * without a mask, or any image without a map, counts for the image metrics only.
 * @throws MetricInputError for a NaN score, and as `PixelMetrics.add`
 */
export async function evaluateClass(
  { name, samples }: EvalClass,
  options: PixelMetricsOptions = {},
): Promise<MetricRow> {
  const labels: number[] = [];
  const scores: number[] = [];
  const pixelMetrics = createPixelMetrics(options);
  for await (const sample of samples) {
    labels.push(sample.anomalous ? 1 : 0);
    scores.push(sample.score);
    if (sample.map && (sample.mask || !sample.anomalous)) {
      pixelMetrics.add(sample.map, sample.mask, sample.width, sample.height);
    }
  }
  const image = ranking(labels, scores);
  const pixel = pixelMetrics.result();
  const { bounds } = pixel;
  return {
    name,
    images: labels.length,
    anomalies: labels.filter(Boolean).length,
    metrics: {
      imageAuroc: image?.auroc ?? null,
      imageAp: image?.ap ?? null,
      imageMaxF1: image?.maxF1 ?? null,
      pixelAuroc: pixel.auroc,
      pixelAp: pixel.ap,
      pixelMaxF1: pixel.maxF1,
      pro: pixel.pro,
      proMvtec: pixel.proMvtec,
      iou: pixel.iou,
    },
    bounds: bounds && {
      pixelAuroc: bounds.auroc,
      pixelAp: bounds.ap,
      pixelMaxF1: bounds.maxF1,
      pro: bounds.pro,
      proMvtec: bounds.proMvtec,
      iou: bounds.iou,
    },
  };
}

/** The mean of each metric over the rows that have it; null if none has. Counts are sums. */
export function meanRow(rows: readonly MetricRow[], name = 'mean'): MetricRow {
  const metrics = {} as Record<MetricName, number | null>;
  for (const metric of METRICS) {
    const values = rows.map((row) => row.metrics[metric]).filter((value) => value !== null);
    metrics[metric] = values.length > 0 ? values.reduce((a, b) => a + b, 0) / values.length : null;
  }
  return {
    name,
    images: rows.reduce((sum, row) => sum + row.images, 0),
    anomalies: rows.reduce((sum, row) => sum + row.anomalies, 0),
    metrics,
    bounds: null,
  };
}

/**
 * Metrics per class and their mean. Classes are read one after another, so memory is that of the largest one.
 * The result is plain data: `JSON.stringify` prints undefined metrics as null.
 */
export async function evaluate(
  classes: Iterable<EvalClass> | AsyncIterable<EvalClass>,
  options: PixelMetricsOptions = {},
): Promise<Evaluation> {
  const rows: MetricRow[] = [];
  for await (const entry of classes) rows.push(await evaluateClass(entry, options));
  return { classes: rows, mean: meanRow(rows) };
}

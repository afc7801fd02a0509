import { deriveSeed } from '../base/random.ts';
import {
  type BootstrapOptions,
  createBootstrap,
  type Interval,
  interval,
  type Replicate,
  type Replicates,
} from './bootstrap.ts';
import type { CurvePoint } from './curves.ts';
import { pixelKeys } from './pixel-keys.ts';
import {
  createPixelMetrics,
  type PixelMetrics,
  type PixelMetricsOptions,
  type PixelMetricValues,
} from './pixels.ts';
import { type Ranking, ranking, rocCurve } from './ranking.ts';

/** One image with what a detector said about it. */
export type EvalSample = {
  anomalous: boolean;
  /** Kind of defect of an anomalous image; without, it is in no row of `MetricRow.defects`. */
  defect?: string;
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
  /** Confidence intervals, where they were asked for; null where the metric is. */
  intervals?: Record<MetricName, Interval | null>;
  /** Curves of a class, where they were asked for; null where their metrics are. */
  curves?: { image: CurvePoint[] | null; pixel: CurvePoint[] | null };
  /** One row for each kind of defect: its images and all normal ones. Only where samples say their kind. */
  defects?: MetricRow[];
};

export type EvaluateOptions = PixelMetricsOptions & {
  /** With confidence intervals, and how; see bootstrap.ts. */
  bootstrap?: BootstrapOptions;
  /** With the curves of every class. */
  curves?: boolean;
};

export type Evaluation = { classes: MetricRow[]; mean: MetricRow };

const valuesOf = (
  image: Ranking | null,
  pixel: PixelMetricValues | null,
): Record<MetricName, number | null> => ({
  imageAuroc: image?.auroc ?? null,
  imageAp: image?.ap ?? null,
  imageMaxF1: image?.maxF1 ?? null,
  pixelAuroc: pixel?.auroc ?? null,
  pixelAp: pixel?.ap ?? null,
  pixelMaxF1: pixel?.maxF1 ?? null,
  pro: pixel?.pro ?? null,
  proMvtec: pixel?.proMvtec ?? null,
  iou: pixel?.iou ?? null,
});

type Metrics = MetricRow['metrics'];
/** Metrics in every replicate, and of all images computed as there. */
type Drawn = { all: Metrics; replicates: Metrics[] };

const drawnMetrics = ({ all, drawn }: Replicates): Drawn => {
  const metrics = ({ image, pixel }: Replicate) => valuesOf(image, pixel);
  return { all: metrics(all), replicates: drawn.map(metrics) };
};

function intervals(
  exact: Metrics,
  { all, replicates }: Drawn,
  confidence?: number,
): NonNullable<MetricRow['intervals']> {
  const entries = METRICS.map((metric) => {
    const values = replicates.map((replicate) => replicate[metric]).filter((value) => value !== null);
    const [of, own] = [all[metric], exact[metric]];
    return [metric, of === null || own === null ? null : interval(values, of, own, confidence)] as const;
  });
  return Object.fromEntries(entries) as NonNullable<MetricRow['intervals']>;
}

/** The row of some images of a class, of all pixels of `kind` (or of any). */
function toRow(
  name: string,
  samples: readonly { anomalous: boolean; score: number }[],
  pixels: PixelMetrics,
  { kind, curves = false }: { kind?: string; curves?: boolean | undefined } = {},
): MetricRow {
  const labels = samples.map(({ anomalous }) => (anomalous ? 1 : 0));
  const scores = samples.map(({ score }) => score);
  const { values: pixel, curve } = curves ? pixels.withCurve() : { values: pixels.result(kind), curve: null };
  const { bounds } = pixel;
  return {
    name,
    images: labels.length,
    anomalies: labels.filter(Boolean).length,
    metrics: valuesOf(ranking(labels, scores), pixel),
    bounds: bounds && {
      pixelAuroc: bounds.auroc,
      pixelAp: bounds.ap,
      pixelMaxF1: bounds.maxF1,
      pro: bounds.pro,
      proMvtec: bounds.proMvtec,
      iou: bounds.iou,
    },
    ...(curves ? { curves: { image: rocCurve(labels, scores), pixel: curve } } : {}),
  };
}

/**
 * Metrics of one class. Pixel metrics are over the images whose every pixel's label is known: an anomalous image
 * without a mask, or any image without a map, counts for the image metrics only.
 * @throws MetricInputError for a NaN score, and as `PixelMetrics.add`
 */
export const evaluateClass = async (entry: EvalClass, options: EvaluateOptions = {}): Promise<MetricRow> =>
  (await evaluateDrawn(entry, options)).row;

async function evaluateDrawn(
  { name, samples }: EvalClass,
  options: EvaluateOptions,
): Promise<{ row: MetricRow; drawn: Drawn | null }> {
  const { bootstrap: bootstrapOptions } = options;
  const seen: { anomalous: boolean; score: number; kind: string | null }[] = [];
  const pixels = createPixelMetrics(options);
  const bootstrap = bootstrapOptions && createBootstrap();
  for await (const { anomalous, score, defect, map, mask, width, height } of samples) {
    const kind = anomalous ? (defect ?? '') : null;
    seen.push({ anomalous, score, kind });
    const keys = map && (mask || !anomalous) ? pixelKeys(map, mask, width, height) : null;
    if (keys) pixels.addKeys(keys, kind);
    bootstrap?.add(anomalous, score, keys, kind);
  }
  /** Adds intervals to a row, and gives what they were made from. */
  const draw = (row: MetricRow, kind?: string): Drawn | null => {
    if (!bootstrap) return null;
    const drawn = drawnMetrics(bootstrap.run(bootstrapOptions, kind));
    row.intervals = intervals(row.metrics, drawn, bootstrapOptions.confidence);
    return drawn;
  };
  const row = toRow(name, seen, pixels, { curves: options.curves });
  const drawn = draw(row);
  const kinds = [...new Set(seen.flatMap(({ kind }) => kind || []))].sort();
  if (kinds.length > 0) {
    row.defects = kinds.map((kind) => {
      const own = seen.filter((sample) => sample.kind === null || sample.kind === kind);
      const defect = toRow(kind, own, pixels, { kind });
      draw(defect, kind);
      return defect;
    });
  }
  return { row, drawn };
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

/** The mean of the classes' replicates: the i-th of one class with the i-th of every other. */
function meanDrawn(classes: readonly Drawn[]): Drawn {
  const mean = (rows: readonly Metrics[]): Metrics => {
    const asRows = rows.map((metrics) => ({ name: '', images: 0, anomalies: 0, metrics, bounds: null }));
    return meanRow(asRows).metrics;
  };
  return {
    all: mean(classes.map(({ all }) => all)),
    replicates: (classes[0]?.replicates ?? []).map((_, i) =>
      mean(classes.map(({ replicates }) => replicates[i]!)),
    ),
  };
}

/**
 * Metrics per class and their mean. Classes are read one after another, so memory is that of the largest one.
 * The result is plain data: `JSON.stringify` prints undefined metrics as null.
 */
export async function evaluate(
  classes: Iterable<EvalClass> | AsyncIterable<EvalClass>,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const rows: MetricRow[] = [];
  const drawn: Drawn[] = [];
  for await (const entry of classes) {
    const result = await evaluateDrawn(entry, withClassSeed(options, entry.name));
    rows.push(result.row);
    if (result.drawn) drawn.push(result.drawn);
  }
  const mean = meanRow(rows);
  if (drawn.length > 0) {
    mean.intervals = intervals(mean.metrics, meanDrawn(drawn), options.bootstrap?.confidence);
  }
  return { classes: rows, mean };
}

/** Classes are drawn independently of each other. */
const withClassSeed = (options: EvaluateOptions, className: string): EvaluateOptions => {
  const { bootstrap } = options;
  if (!bootstrap) return options;
  return { ...options, bootstrap: { ...bootstrap, seed: deriveSeed(bootstrap.seed ?? 0, className) } };
};

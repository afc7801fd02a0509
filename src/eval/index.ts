export type { BootstrapOptions, Interval } from './bootstrap.ts';
export type { CurvePoint } from './curves.ts';
export { MetricInputError } from './errors.ts';
export {
  type EvalClass,
  type EvalSample,
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  evaluateClass,
  METRICS,
  type MetricName,
  type MetricRow,
  meanRow,
} from './evaluate.ts';
export {
  createPixelMetrics,
  type PixelMetrics,
  type PixelMetricsOptions,
  type PixelMetricsResult,
  type PixelMetricValues,
} from './pixels.ts';
export { auroc, averagePrecision, maxF1, type Ranking, ranking } from './ranking.ts';
export { alignColumns, formatTable, metricTitles, withDefects } from './table.ts';
export {
  goodImagesNeeded,
  type Threshold,
  type ThresholdMethod,
  thresholdFromGood,
  thresholdFromLabelled,
} from './threshold.ts';

// What may be said of an image: a finite score and map, and pass only below a threshold. Whatever cannot be compared fails.
import { visible } from '../../base/text.ts';

/** Scores and maps are in [0, 1]: a threshold outside would pass, or fail, every image. */
export const isThreshold = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= 1;

/** Whether an image fails. A score or threshold that is not a number fails it. */
export const isAnomalous = (score: number, threshold: number): boolean => !(score < threshold);

/** The model gave numbers for an image that mean nothing. */
export class ScoreError extends Error {
  override readonly name = 'ScoreError';
  constructor(
    /** The image. */
    readonly file: string,
    readonly expected: string,
    readonly found: string,
  ) {
    super(visible(`${file}: expected ${expected}, found ${found} (damaged weights or prompts?)`));
  }
}

/** The one place that scores and maps pass on their way out. @throws ScoreError naming the image */
export function checkDetection<T extends { readonly score: number; readonly map: Float32Array }>(
  detection: T,
  image: string,
): T {
  if (!Number.isFinite(detection.score)) throw new ScoreError(image, 'a finite score', `${detection.score}`);
  const bad = detection.map.findIndex((value) => !Number.isFinite(value));
  if (detection.map.length === 0 || bad >= 0)
    throw new ScoreError(image, 'a map of finite numbers', `${detection.map[bad]} at ${bad}`);
  return detection;
}

/** The same for the probabilities of texts. */
export function checkProbabilities(probabilities: readonly number[], image: string): void {
  const bad = probabilities.find((value) => !Number.isFinite(value));
  if (bad !== undefined) throw new ScoreError(image, 'finite probabilities', `${bad}`);
}

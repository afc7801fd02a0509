// Logistic regression in float64, by Newton's method: deterministic, and exact for the few hundred weights of a probe.

export interface Logistic {
  readonly weights: Float64Array;
  readonly bias: number;
}

/** Rows of `width` features each, and what they should be, in [0, 1]. */
export interface Examples {
  readonly width: number;
  readonly features: Float32Array;
  readonly targets: Float32Array;
}

/** Newton steps; converges in far fewer, as the loss is convex and the ridge bounds it. */
const maxSteps = 50;
const tolerance = 1e-8;

/**
 * Minimises the sum of the cross entropies + ridge / 2 |weights of the standardised features|^2; the bias is free.
 * @throws RangeError without examples
 */
export function fitLogistic({ width, features, targets }: Examples, ridge: number): Logistic {
  const count = targets.length;
  if (count === 0) throw new RangeError('logistic regression: expected examples, found none');
  const { mean, deviation } = moments(features, width, count);
  const size = width + 1;
  const weights = new Float64Array(size); // the last one is the bias
  const x = new Float64Array(size);
  for (let step = 0; step < maxSteps; step += 1) {
    const gradient = new Float64Array(size);
    const hessian = new Float64Array(size * size);
    for (let n = 0; n < count; n += 1) {
      let logit = weights[width]!;
      for (let i = 0; i < width; i += 1) {
        x[i] = (features[n * width + i]! - mean[i]!) / deviation[i]!;
        logit += weights[i]! * x[i]!;
      }
      x[width] = 1;
      const p = sigmoid(logit);
      const error = p - targets[n]!;
      const curvature = p * (1 - p);
      for (let i = 0; i < size; i += 1) {
        gradient[i]! += error * x[i]!;
        const scaled = curvature * x[i]!;
        for (let j = 0; j <= i; j += 1) hessian[i * size + j]! += scaled * x[j]!;
      }
    }
    for (let i = 0; i < width; i += 1) {
      gradient[i]! += ridge * weights[i]!;
      hessian[i * size + i]! += ridge;
    }
    hessian[size * size - 1]! += 1e-9; // targets that are all the same have no finite bias
    const change = solveCholesky(hessian, gradient);
    let largest = 0;
    for (let i = 0; i < size; i += 1) {
      weights[i]! -= change[i]!;
      largest = Math.max(largest, Math.abs(change[i]!));
    }
    if (largest < tolerance) break;
  }
  // Back to the features as they are.
  const plain = Float64Array.from({ length: width }, (_, i) => weights[i]! / deviation[i]!);
  return { weights: plain, bias: plain.reduce((sum, w, i) => sum - w * mean[i]!, weights[width]!) };
}

export function predict({ weights, bias }: Logistic, row: ArrayLike<number>): number {
  return sigmoid(weights.reduce((sum, w, i) => sum + w * row[i]!, bias));
}

/** The ridge with the smallest cross entropy in cross-validation over `folds` (of each example). */
export function chooseRidge(examples: Examples, folds: readonly number[], ridges: readonly number[]): number {
  const losses = ridges.map((ridge) => {
    let loss = 0;
    for (const fold of new Set(folds)) {
      const model = fitLogistic(
        subset(examples, (n) => folds[n] !== fold),
        ridge,
      );
      folds.forEach((of, n) => {
        if (of !== fold) return;
        const { width, features, targets } = examples;
        const p = predict(model, features.subarray(n * width, (n + 1) * width));
        const target = targets[n]!;
        loss -= target * Math.log(Math.max(p, 1e-12)) + (1 - target) * Math.log(Math.max(1 - p, 1e-12));
      });
    }
    return loss;
  });
  return ridges[losses.indexOf(Math.min(...losses))]!;
}

export function subset({ width, features, targets }: Examples, keep: (n: number) => boolean): Examples {
  const rows = [...targets.keys()].filter(keep);
  const chosen = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    chosen.set(features.subarray(row * width, (row + 1) * width), i * width);
  });
  return { width, features: chosen, targets: Float32Array.from(rows, (row) => targets[row]!) };
}

const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

function moments(features: Float32Array, width: number, count: number) {
  const mean = new Float64Array(width);
  const deviation = new Float64Array(width);
  features.forEach((x, i) => {
    mean[i % width]! += x / count;
  });
  features.forEach((x, i) => {
    deviation[i % width]! += (x - mean[i % width]!) ** 2 / count;
  });
  return { mean, deviation: deviation.map((variance) => Math.sqrt(variance) || 1) };
}

/** x of A x = b for a positive definite A, of which the lower triangle is read (and overwritten). */
function solveCholesky(a: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k += 1) sum -= a[i * n + k]! * a[j * n + k]!;
      a[i * n + j] = i === j ? Math.sqrt(sum) : sum / a[j * n + j]!;
    }
  }
  const x = Float64Array.from(b);
  for (let i = 0; i < n; i += 1) {
    for (let k = 0; k < i; k += 1) x[i]! -= a[i * n + k]! * x[k]!;
    x[i]! /= a[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i -= 1) {
    for (let k = i + 1; k < n; k += 1) x[i]! -= a[k * n + i]! * x[k]!;
    x[i]! /= a[i * n + i]!;
  }
  return x;
}

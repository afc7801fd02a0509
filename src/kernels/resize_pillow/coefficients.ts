export type PillowFilter = 'bicubic' | 'bilinear';

/** Pillow's tables for one dimension. */
export interface Coefficients {
  /** [size, 2]: where output o's first source sample is and how many it has. */
  readonly spans: Int32Array;
  /** [size, taps]: its weights, with 22 fractional bits; zeros behind the last. */
  readonly weights: Int32Array;
  readonly taps: number;
}

const fractionalBits = 22;

// The order of the operations is Pillow's (src/libImaging/Resample.c): the last bit of a double decides some weights.
const filters: Record<PillowFilter, { support: number; weight: (distance: number) => number }> = {
  bicubic: {
    support: 2,
    weight(distance) {
      const a = -0.5;
      const x = Math.abs(distance);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    },
  },
  bilinear: {
    support: 1,
    weight: (distance) => Math.max(0, 1 - Math.abs(distance)),
  },
};

/**
 * Which samples each output is made of, with which weights: Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`.
 * The filter widens with the reduction, which is what antialiases. All in float64, then rounded half away from zero.
 */
export function coefficients(sizeIn: number, sizeOut: number, filter: PillowFilter): Coefficients {
  const { support, weight } = filters[filter];
  const scale = sizeIn / sizeOut;
  const filterScale = Math.max(scale, 1);
  const radius = support * filterScale;
  const perSample = 1 / filterScale;
  const rows = Array.from({ length: sizeOut }, (_, o) => {
    const center = (o + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - radius + 0.5));
    const end = Math.min(sizeIn, Math.trunc(center + radius + 0.5));
    const raw = Array.from({ length: end - first }, (_, i) => weight((i + first - center + 0.5) * perSample));
    const sum = raw.reduce((total, w) => total + w, 0);
    const fixed = raw.map((w) => {
      const scaled = (sum === 0 ? w : w / sum) * 2 ** fractionalBits;
      return Math.trunc(scaled + (scaled < 0 ? -0.5 : 0.5));
    });
    return { first, fixed };
  });
  const taps = Math.max(...rows.map(({ fixed }) => fixed.length));
  const spans = new Int32Array(2 * sizeOut);
  const weights = new Int32Array(taps * sizeOut);
  rows.forEach(({ first, fixed }, o) => {
    spans.set([first, fixed.length], 2 * o);
    weights.set(fixed, o * taps);
  });
  return { spans, weights, taps };
}

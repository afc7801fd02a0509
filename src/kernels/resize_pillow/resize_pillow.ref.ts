import type { Reference, RefTensor } from '../op-test.ts';
import type { ResizePillowAttrs } from './resize_pillow.ts';

// A port of Pillow's Resample.c that shares nothing with the kernel's host side: one row of weights at a time.

const cubic = (x: number): number => {
  const d = x < 0 ? -x : x;
  if (d < 1) return ((-0.5 + 2) * d - (-0.5 + 3)) * d * d + 1;
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * -0.5;
  return 0;
};
const triangle = (x: number): number => {
  const d = x < 0 ? -x : x;
  return d < 1 ? 1 - d : 0;
};

/** First sample and integer weights of output `o`. */
function row(o: number, sizeIn: number, sizeOut: number, filter: ResizePillowAttrs['filter']) {
  const f = filter === 'bicubic' ? cubic : triangle;
  const scale = sizeIn / sizeOut;
  const stretch = Math.max(scale, 1);
  const support = (filter === 'bicubic' ? 2 : 1) * stretch;
  const center = (o + 0.5) * scale;
  let low = Math.trunc(center - support + 0.5);
  if (low < 0) low = 0;
  let high = Math.trunc(center + support + 0.5);
  if (high > sizeIn) high = sizeIn;
  const weights: number[] = [];
  let sum = 0;
  for (let i = low; i < high; i += 1) {
    const w = f((i - center + 0.5) * (1 / stretch));
    weights.push(w);
    sum += w;
  }
  return {
    low,
    weights: weights.map((w) => {
      const normal = sum !== 0 ? w / sum : w;
      return normal < 0 ? Math.trunc(-0.5 + normal * 4194304) : Math.trunc(0.5 + normal * 4194304);
    }),
  };
}

const clip = (sum: number) => Math.min(255, Math.max(0, Math.floor(sum / 4194304)));

function horizontal(
  { shape, data }: RefTensor,
  width: number,
  filter: ResizePillowAttrs['filter'],
): RefTensor {
  const [h, w, c] = shape as [number, number, number];
  const out = new Float64Array(h * width * c);
  for (let x = 0; x < width; x += 1) {
    const { low, weights } = row(x, w, width, filter);
    for (let y = 0; y < h; y += 1)
      for (let k = 0; k < c; k += 1) {
        let sum = 2 ** 21;
        weights.forEach((weight, i) => {
          sum += weight * data[(y * w + low + i) * c + k]!;
        });
        out[(y * width + x) * c + k] = clip(sum);
      }
  }
  return { shape: [h, width, c], data: out };
}

/** Rows become columns and back, so that one pass serves both directions. */
function transposed({ shape, data }: RefTensor): RefTensor {
  const [h, w, c] = shape as [number, number, number];
  const out = new Float64Array(data.length);
  for (let y = 0; y < h; y += 1)
    for (let x = 0; x < w; x += 1)
      for (let k = 0; k < c; k += 1) out[(x * h + y) * c + k] = data[(y * w + x) * c + k]!;
  return { shape: [w, h, c], data: out };
}

export const resizePillowReference: Reference<ResizePillowAttrs> = {
  forward({ height, width, filter }, [image]) {
    let out = image!;
    if (out.shape[1] !== width) out = horizontal(out, width, filter);
    if (out.shape[0] !== height) out = transposed(horizontal(transposed(out), height, filter));
    return [out];
  },
};

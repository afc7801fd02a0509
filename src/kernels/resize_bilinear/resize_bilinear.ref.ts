import type { Reference, RefTensor } from '../op-test.ts';
import type { ResizeBilinearAttrs } from './resize_bilinear.ts';

/** The two samples that output `o` lies between, and its distance from the lower one (PyTorch's definition). */
function source(o: number, sizeIn: number, sizeOut: number) {
  const at = Math.max(0, ((o + 0.5) * sizeIn) / sizeOut - 0.5);
  const lower = Math.min(Math.floor(at), sizeIn - 1);
  return { lower, upper: Math.min(lower + 1, sizeIn - 1), weight: at - lower };
}

/** Calls `visit` for every (output, input, weight). */
function walk(
  x: RefTensor,
  { height, width, channelsLast }: ResizeBilinearAttrs,
  visit: (out: number, x: number, weight: number) => void,
) {
  const rank = x.shape.length;
  const channels = channelsLast ? x.shape[rank - 1]! : 1;
  const [rows, columns] = x.shape.slice(channelsLast ? -3 : -2) as [number, number];
  const images = x.data.length / (rows * columns * channels);
  for (let n = 0; n < images; n += 1)
    for (let y = 0; y < height; y += 1)
      for (let z = 0; z < width; z += 1)
        for (let c = 0; c < channels; c += 1) {
          const v = source(y, rows, height);
          const h = source(z, columns, width);
          const out = ((n * height + y) * width + z) * channels + c;
          const at = (row: number, column: number) => ((n * rows + row) * columns + column) * channels + c;
          visit(out, at(v.lower, h.lower), (1 - v.weight) * (1 - h.weight));
          visit(out, at(v.lower, h.upper), (1 - v.weight) * h.weight);
          visit(out, at(v.upper, h.lower), v.weight * (1 - h.weight));
          visit(out, at(v.upper, h.upper), v.weight * h.weight);
        }
}

export const resizeBilinearReference: Reference<ResizeBilinearAttrs> = {
  forward(attrs, [x]) {
    const { height, width, channelsLast } = attrs;
    const shape = channelsLast
      ? [...x!.shape.slice(0, -3), height, width, x!.shape.at(-1)!]
      : [...x!.shape.slice(0, -2), height, width];
    const out = { shape, data: new Float64Array(shape.reduce((product, n) => product * n, 1)) };
    walk(x!, attrs, (to, from, weight) => {
      out.data[to]! += weight * x!.data[from]!;
    });
    return [out];
  },
  backward(attrs, [x], [dout]) {
    const dx = { shape: x!.shape, data: new Float64Array(x!.data.length) };
    walk(x!, attrs, (from, to, weight) => {
      dx.data[to]! += weight * dout!.data[from]!;
    });
    return [dx];
  },
};

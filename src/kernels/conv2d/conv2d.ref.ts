import type { Reference, RefTensor } from '../op-test.ts';
import { elements } from '../tensor.ts';
import type { Conv2dAttrs } from './conv2d.ts';

/** Calls `visit` with the flat indices of x, weight and out, and the output channel, for every product of the sum. */
function visitProducts(
  { stride = 1, padding: [top, left] = [0, 0] }: Conv2dAttrs,
  x: RefTensor,
  weight: RefTensor,
  visit: (ix: number, iweight: number, iout: number) => void,
): readonly number[] {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [kernelHeight, kernelWidth, outChannels] = weight.shape as [number, number, number];
  const outHeight = Math.floor((height + 2 * top - kernelHeight) / stride) + 1;
  const outWidth = Math.floor((width + 2 * left - kernelWidth) / stride) + 1;
  for (let b = 0; b < batch; b += 1)
    for (let y = 0; y < outHeight; y += 1)
      for (let z = 0; z < outWidth; z += 1)
        for (let i = 0; i < kernelHeight; i += 1)
          for (let j = 0; j < kernelWidth; j += 1) {
            const row = stride * y + i - top;
            const column = stride * z + j - left;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            for (let o = 0; o < outChannels; o += 1)
              for (let c = 0; c < channels; c += 1)
                visit(
                  ((b * height + row) * width + column) * channels + c,
                  ((i * kernelWidth + j) * outChannels + o) * channels + c,
                  ((b * outHeight + y) * outWidth + z) * outChannels + o,
                );
          }
  return [batch, outHeight, outWidth, outChannels];
}

const zeros = (shape: readonly number[]): RefTensor => ({ shape, data: new Float64Array(elements(shape)) });

export const conv2dReference: Reference<Conv2dAttrs> = {
  forward(attrs, [x, weight, bias]) {
    const shape = visitProducts(attrs, x!, weight!, () => {});
    const out = zeros(shape);
    visitProducts(attrs, x!, weight!, (ix, iweight, iout) => {
      out.data[iout]! += x!.data[ix]! * weight!.data[iweight]!;
    });
    const data = out.data.map((value, i) => value + (bias?.data[i % bias.data.length] ?? 0));
    return [{ shape, data }];
  },
  backward(attrs, [x, weight, bias], [dout]) {
    const [dx, dweight] = [zeros(x!.shape), zeros(weight!.shape)];
    visitProducts(attrs, x!, weight!, (ix, iweight, iout) => {
      dx.data[ix]! += dout!.data[iout]! * weight!.data[iweight]!;
      dweight.data[iweight]! += dout!.data[iout]! * x!.data[ix]!;
    });
    const dbias = bias && zeros(bias.shape);
    dout!.data.forEach((d, i) => {
      if (dbias) dbias.data[i % dbias.data.length]! += d;
    });
    return [dx, dweight, dbias];
  },
};

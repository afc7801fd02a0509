import type { Reference, RefTensor } from '../op-test.ts';
import type { SoftmaxAttrs } from './softmax.ts';

/** For every element, the indices of its row along `axis`. */
function* rowsOf({ shape, data }: RefTensor, axis: number): Generator<number[]> {
  const stride = shape.slice(axis + 1).reduce((product, n) => product * n, 1);
  const length = shape[axis]!;
  for (let i = 0; i < data.length; i += 1) {
    if (Math.floor(i / stride) % length === 0) yield Array.from({ length }, (_, k) => i + k * stride);
  }
}

export const softmaxReference: Reference<SoftmaxAttrs> = {
  forward({ axis, scale }, [x]) {
    const data = new Float64Array(x!.data.length);
    for (const row of rowsOf(x!, axis)) {
      const highest = Math.max(...row.map((i) => scale * x!.data[i]!));
      const sum = row.reduce((s, i) => s + Math.exp(scale * x!.data[i]! - highest), 0);
      for (const i of row) data[i] = Math.exp(scale * x!.data[i]! - highest) / sum;
    }
    return [{ shape: x!.shape, data }];
  },
  backward(attrs, inputs, [dout]) {
    const out = softmaxReference.forward(attrs, inputs)[0]!;
    const data = new Float64Array(out.data.length);
    for (const row of rowsOf(out, attrs.axis)) {
      // dx_i = scale * sum_j dout_j * out_j * (delta_ij - out_i), without the cancellation of equal terms
      for (const i of row)
        data[i] =
          attrs.scale *
          out.data[i]! *
          row.reduce((sum, j) => sum + out.data[j]! * (dout!.data[i]! - dout!.data[j]!), 0);
    }
    return [{ shape: out.shape, data }];
  },
};

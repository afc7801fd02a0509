import type { Reference, RefTensor } from '../op-test.ts';
import { elements } from '../tensor.ts';
import { productShape } from './geometry.ts';
import type { MatmulAttrs } from './matmul.ts';

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const quickgelu = (x: number) => x * sigmoid(1.702 * x);
const activations = { quickgelu, relu: (x: number) => Math.max(x, 0) };
const quickgeluSlope = (x: number) => {
  const s = sigmoid(1.702 * x);
  return s + 1.702 * x * s * (1 - s);
};

const slopes = { quickgelu: quickgeluSlope, relu: (x: number) => Number(x > 0) };

/** Calls `visit` with the flat indices of a[i, m, k], b[i, k, n] and out[i, m, n] for every i, m, n, k. */
function visitProducts(
  { transposeA, transposeB }: MatmulAttrs,
  a: RefTensor,
  b: RefTensor,
  visit: (ia: number, ib: number, iout: number) => void,
): number[] {
  const spec = (t: RefTensor) => ({ shape: t.shape, dtype: 'f32' as const });
  const { shape } = productShape({ transposeA, transposeB }, spec(a), spec(b));
  const [M, N] = shape.slice(-2) as [number, number];
  const K = a.shape.at(transposeA ? -2 : -1)!;
  const batch = elements(shape.slice(0, -2));
  const baseA = a.data.length === M * K ? 0 : M * K;
  const baseB = b.data.length === K * N ? 0 : K * N;
  for (let i = 0; i < batch; i += 1)
    for (let m = 0; m < M; m += 1)
      for (let n = 0; n < N; n += 1)
        for (let k = 0; k < K; k += 1)
          visit(
            i * baseA + (transposeA ? k * M + m : m * K + k),
            i * baseB + (transposeB ? n * K + k : k * N + n),
            (i * M + m) * N + n,
          );
  return shape;
}

function preactivation(attrs: MatmulAttrs, [a, b, bias]: readonly (RefTensor | undefined)[]): RefTensor {
  const spec = (t: RefTensor) => ({ shape: t.shape, dtype: 'f32' as const });
  const { shape } = productShape(attrs, spec(a!), spec(b!));
  const data = new Float64Array(elements(shape));
  visitProducts(attrs, a!, b!, (ia, ib, i) => {
    data[i]! += (attrs.scale ?? 1) * a!.data[ia]! * b!.data[ib]!;
  });
  const N = shape.at(-1)!;
  return { shape, data: data.map((z, i) => z + (bias ? bias.data[i % N]! : 0)) };
}

export const matmulReference: Reference<MatmulAttrs> = {
  forward(attrs, inputs) {
    const z = preactivation(attrs, inputs);
    const [, , , residual, x] = inputs;
    const { activation, slopeOf } = attrs;
    const out = z.data.map((value, i) => {
      const factor = slopeOf ? slopes[slopeOf](x!.data[i]!) : 1;
      return (
        (activation ? activations[activation](value) : value * factor) + (residual ? residual.data[i]! : 0)
      );
    });
    return attrs.activation && attrs.saveForBackward
      ? [{ shape: z.shape, data: out }, z]
      : [{ shape: z.shape, data: out }];
  },
  backward(attrs, inputs, [dout]) {
    const [a, b, bias, residual] = inputs;
    const z = preactivation(attrs, inputs);
    const { activation } = attrs;
    const dz = dout!.data.map((d, i) => (activation ? d * slopes[activation](z.data[i]!) : d));
    const zeros = (t: RefTensor) => ({ shape: t.shape, data: new Float64Array(t.data.length) });
    const da = zeros(a!);
    const db = zeros(b!);
    const scale = attrs.scale ?? 1;
    visitProducts(attrs, a!, b!, (ia, ib, i) => {
      da.data[ia]! += scale * dz[i]! * b!.data[ib]!;
      db.data[ib]! += scale * dz[i]! * a!.data[ia]!;
    });
    const dbias = bias && zeros(bias);
    dz.forEach((d, i) => {
      if (dbias) dbias.data[i % dbias.data.length]! += d;
    });
    return [da, db, dbias, residual && dout];
  },
};

import { describe, expect, test } from 'vitest';
import { floatToHalf, halfToFloat } from '../src/formats/half.ts';
import { compile } from '../src/graph/executor.ts';
import { gradient } from '../src/graph/gradient.ts';
import { createGraph } from '../src/graph/graph.ts';
import { multiply } from '../src/kernels/elementwise/elementwise.ts';
import { matmulTest } from '../src/kernels/matmul/matmul.cases.ts';
import { linear, matmul, matmulOp } from '../src/kernels/matmul/matmul.ts';
import { blocks } from '../src/kernels/matmul/variants.ts';
import { patchEmbedding } from '../src/kernels/patch_embedding/patch_embedding.ts';
import { sumAll } from '../src/kernels/reduce/reduce.ts';
import { f32, type Shape, ShapeError } from '../src/kernels/tensor.ts';
import { checkCase, compare, numbers } from '../testing/op-check.ts';
import { testGpu } from './gpu.ts';

const gpu = await testGpu();
const normals = (count: number, seed: number) => {
  const { normal } = numbers(seed);
  return Float32Array.from({ length: count }, normal);
};

describe('matmul on other adapters', () => {
  const { capabilities } = gpu;
  const adapters = {
    // A kernel for 4 lanes is right on a subgroup of 8: every lane's data is there twice.
    'subgroups of 4': { ...capabilities, subgroupSize: Math.min(4, capabilities.subgroupSize) },
    'a GPU': { ...capabilities, subgroupSize: 0, software: false },
  };
  const chosen = [
    '17x33x19',
    '1x640x40',
    'a^T b',
    'a^T b, odd',
    'batch, shared b',
    'f16 weight',
    'int8 weight',
  ];
  for (const [name, other] of Object.entries(adapters)) {
    for (const testCase of matmulTest.cases.filter((c) => chosen.includes(c.name))) {
      test(`${testCase.name}, as on ${name}`, async () => {
        for (const { what, error, scale } of await checkCase(
          { ...gpu, capabilities: other },
          matmulTest,
          testCase,
        ))
          expect(error, what).toBeLessThanOrEqual(5e-6 * scale);
      });
    }
  }
});

describe('matmul in blocks, which software adapters do not choose', () => {
  test.each([
    ['blocks and one more', 'wide_block'],
    ['blocks and one more', 'block'],
    ['int8 weight, activated', 'block'],
  ])('%s (%s)', async (name, variant) => {
    const testCase = matmulTest.cases.find((c) => c.name === name)!;
    for (const { what, error, scale } of await checkCase(gpu, matmulTest, testCase, variant))
      expect(error, what).toBeLessThanOrEqual(5e-6 * scale);
  });
});

describe('few rows by strips', () => {
  const strips = matmulOp.variants!(gpu.capabilities).includes('strip');
  test.skipIf(!strips).each([
    [3, 2060, 1024, 4],
    [6, 2060, 1024, 8],
    [10, 2060, 1024, 12],
    [3, 70, 1024, 16],
  ])('%i x %i x %i: %i rows high, the same bits as among others', async (M, N, K, height) => {
    const others = 17;
    const g = createGraph();
    const few = g.input('few', f32(M, K));
    const many = g.input('many', f32(M + others, K));
    const b = g.input('b', f32(N, K));
    const outputs = {
      few: matmul(g, few, b, { transposeB: true }),
      many: matmul(g, many, b, { transposeB: true }),
    };
    const tensor = (...shape: number[]) => ({ ...f32(...shape), storage: 0 });
    const [dispatch] = matmulOp.dispatches({
      attrs: { transposeB: true },
      inputs: [tensor(M, K), tensor(N, K)],
      outputs: [tensor(M, N)],
      capabilities: gpu.capabilities,
      variant: 'strip',
    });
    expect(dispatch!.overrides).toMatchObject({ ROWS: height });
    const rows = normals((M + others) * K, 1);
    const values = { few: rows.slice(0, M * K), many: rows, b: normals(N * K, 2) };
    const executable = await compile(gpu, g, outputs, { guards: true, variants: { matmul: 'strip' } });
    const got = await executable.run(values, ['few', 'many']);
    executable.dispose();
    expect(got.few).toEqual(got.many!.slice(0, M * N));
    let [scale, error] = [0, 0];
    got.few!.forEach((found, i) => {
      const [m, n] = [Math.floor(i / N), i % N];
      if (n < N - 40) return; // the last columns, where lanes are left over, stand for all
      let want = 0;
      for (let k = 0; k < K; k += 1) want += rows[m * K + k]! * values.b[n * K + k]!;
      scale = Math.max(scale, Math.abs(want));
      error = Math.max(error, Number.isNaN(found) ? Number.POSITIVE_INFINITY : Math.abs(found - want));
    });
    expect(error).toBeLessThanOrEqual(5e-6 * scale);
  });
});

describe('what is not finite stays where it is', () => {
  const names = matmulOp.variants!(gpu.capabilities).filter(
    (v) => !(blocks as readonly string[]).includes(v),
  );
  test.each(names)('%s', async (variant) => {
    const [M, K, N] = [40, 50, 70];
    const g = createGraph();
    const a = g.input('a', f32(M, K));
    const b = g.input('b', f32(N, K));
    const out = matmul(g, a, b, { transposeB: true });
    const values = { a: normals(M * K, 1), b: normals(N * K, 2) };
    values.a[3 * K + 20] = Number.POSITIVE_INFINITY;
    values.a[5 * K + 49] = Number.NaN;
    values.b[7 * K] = Number.NEGATIVE_INFINITY;
    const executable = await compile(gpu, g, { out }, { guards: true, variants: { matmul: variant } });
    const got = (await executable.run(values, ['out'])).out!;
    executable.dispose();
    let scale = 0;
    let error = 0;
    got.forEach((found, i) => {
      const [m, n] = [Math.floor(i / N), i % N];
      if (m === 3 || m === 5 || n === 7) {
        expect(Number.isFinite(found), `[${m}, ${n}]`).toBe(false);
        return;
      }
      let want = 0;
      for (let k = 0; k < K; k += 1) want += values.a[m * K + k]! * values.b[n * K + k]!;
      scale = Math.max(scale, Math.abs(want));
      error = Math.max(error, Number.isNaN(found) ? Number.POSITIVE_INFINITY : Math.abs(found - want));
    });
    expect(error).toBeLessThanOrEqual(5e-6 * scale);
  });
});

describe('the kernel for a product on a GPU', () => {
  const GPU = { ...gpu.capabilities, subgroupSize: 32, software: false, matrixUnits: [] };
  test.each<[string, number, number, number, string, object]>([
    ['many wide blocks', 1370, 3072, 1024, 'block', { WIDTH: 128 }],
    ['as many wide blocks as keep two per core', 128 * 16, 128 * 16, 1024, 'block', { WIDTH: 128 }],
    ['a wide block fewer', 128 * 15, 128 * 17, 1024, 'block', { WIDTH: 64 }],
    ['as many blocks as there are cores', 128 * 128, 64, 1024, 'block', { WIDTH: 64 }],
    ['a block fewer: tiles', 128 * 127, 64, 1024, 'tile', { TILE: 64 }],
    ['as many tiles as there are cores', 128 * 64, 64, 1024, 'tile', { TILE: 64 }],
    ['a tile fewer than there are cores', 128 * 64 - 64, 64, 1024, 'tile', { TILE: 32 }],
    ['few tiles, but a short sum', 128, 128, 128, 'tile', { TILE: 64 }],
    ['few rows', 16, 3072, 768, 'skinny', {}],
  ])('%s', (_, M, N, K, shader, overrides) => {
    const tensor = (...shape: number[]) => ({ ...f32(...shape), storage: 0 });
    const [dispatch] = matmulOp.dispatches({
      attrs: { transposeB: true },
      inputs: [tensor(M, K), tensor(N, K)],
      outputs: [tensor(M, N)],
      capabilities: GPU,
    });
    expect(dispatch!.shader.path).toContain(`matmul_${shader}.wgsl`);
    expect(dispatch!.overrides).toMatchObject(overrides);
  });
});

test('on a software adapter one pipeline serves products of any rows; a large b has strips no higher than a', () => {
  const rowsOf = (M: number, K: number, N: number) => {
    const [a, b] = [f32(M, K), f32(N, K)].map((spec, storage) => ({ ...spec, storage }));
    const inputs = [a!, b!];
    const attrs = { transposeB: true };
    const outputs = matmulOp.outputs(attrs, inputs).map((spec) => ({ ...spec, storage: 2 }));
    const capabilities = { ...gpu.capabilities, software: true, subgroupSize: 8, matrixUnits: [] };
    return matmulOp.dispatches({ attrs, inputs, outputs, capabilities })[0]!.overrides!.ROWS;
  };
  expect([1, 5, 12, 145].map((rows) => rowsOf(rows, 128, 512))).toEqual([16, 16, 16, 16]);
  expect([1, 5, 12, 145].map((rows) => rowsOf(rows, 768, 3072))).toEqual([4, 8, 12, 16]);
  expect(rowsOf(1, 7680, 480)).toBe(4);
});

describe('matmul refuses', () => {
  const g = createGraph();
  const of = (...shape: number[]) => g.input('x', f32(...shape));
  test.each<[string, () => unknown]>([
    ['different inner dimensions', () => matmul(g, of(3, 4), of(5, 6))],
    ['a transposed operand of the wrong layout', () => matmul(g, of(3, 4), of(4, 6), { transposeB: true })],
    ['one dimension', () => matmul(g, of(4), of(4, 6))],
    ['different batches', () => matmul(g, of(2, 3, 4), of(3, 4, 6))],
    ['a bias of the wrong length', () => matmul(g, of(3, 4), of(4, 6), { bias: of(3) })],
    ['a residual of the wrong shape', () => matmul(g, of(3, 4), of(4, 6), { residual: of(6) })],
    ['a transposed residual in a layer', () => linear(g, of(3, 4), of(6, 4), { residual: of(6, 3) })],
    ['an f16 first operand', () => matmul(g, g.input('h', { shape: [3, 4], dtype: 'f16' }), of(4, 6))],
    ['a patch that does not divide the image', () => patchEmbedding(g, of(1, 3, 9, 8), of(5, 3, 4, 4))],
    ['patches of other channels', () => patchEmbedding(g, of(1, 3, 8, 8), of(5, 1, 4, 4))],
  ])('%s', (_, build) => expect(build).toThrow(ShapeError));

  test('the gradient of an activation whose input was not kept', () => {
    const x = of(3, 4);
    const loss = sumAll(g, matmul(g, x, of(4, 6), { activation: 'quickgelu' }));
    expect(() => gradient(g, loss, [x])).toThrow(/saveForBackward/);
  });
});

test.each<Shape>([[5], [2, 3, 5], [2, 1, 3, 5]])(
  'linear keeps the leading shape of x (%#)',
  async (...shape) => {
    const g = createGraph();
    const x = g.input('x', f32(...shape));
    const weight = g.input('weight', f32(7, 5));
    const residual = g.input('residual', f32(...shape.slice(0, -1), 7));
    const out = linear(g, x, weight, { residual });
    expect(out.shape).toEqual([...shape.slice(0, -1), 7]);
    const rows = shape.slice(0, -1).reduce((a, b) => a * b, 1);
    const values = { x: normals(5 * rows, 1), weight: normals(35, 2), residual: normals(7 * rows, 3) };
    const executable = await compile(gpu, g, { out }, { guards: true });
    const got = await executable.run(values, ['out']);
    executable.dispose();
    const want = Array.from({ length: 7 * rows }, (_, i) => {
      let sum = values.residual[i]!;
      for (let k = 0; k < 5; k += 1)
        sum += values.x[Math.floor(i / 7) * 5 + k]! * values.weight[(i % 7) * 5 + k]!;
      return sum;
    });
    const { error, scale } = compare('out', got.out!, want);
    expect(error).toBeLessThanOrEqual(1e-6 * scale);
  },
);

describe('patch embedding', () => {
  const [B, C, H, W, D, P] = [2, 3, 8, 12, 5, 4];
  const images = normals(B * C * H * W, 4);
  const halves = Uint16Array.from(normals(D * C * P * P, 5), floatToHalf);
  const weight = Float32Array.from(halves, halfToFloat);
  const upstream = normals((B * H * W * D) / P ** 2, 6);

  /** The convolution and its gradients, pixel by pixel. */
  function reference() {
    const out = new Float64Array(upstream.length);
    const dweight = new Float64Array(weight.length);
    const dimages = new Float64Array(images.length);
    images.forEach((value, i) => {
      const [x, y] = [i % W, Math.floor(i / W) % H];
      const c = Math.floor(i / (W * H)) % C;
      const patch = Math.floor(y / P) * (W / P) + Math.floor(x / P);
      const row = Math.floor(i / (W * H * C)) * ((W * H) / P ** 2) + patch;
      for (let d = 0; d < D; d += 1) {
        const k = ((d * C + c) * P + (y % P)) * P + (x % P);
        out[row * D + d]! += value * weight[k]!;
        dweight[k]! += value * upstream[row * D + d]!;
        dimages[i]! += weight[k]! * upstream[row * D + d]!;
      }
    });
    return { out, dweight, dimages };
  }

  test.each(['f32', 'f16'] as const)('weight in %s', async (dtype) => {
    const g = createGraph();
    const x = g.input('images', f32(B, C, H, W));
    const w = g.input('weight', { shape: [D, C, P, P], dtype });
    const out = patchEmbedding(g, x, w);
    expect(out.shape).toEqual([B, (H / P) * (W / P), D]);
    const loss = sumAll(g, multiply(g, out, g.constant('upstream', upstream, out.shape)));
    const [dimages, dweight] = gradient(g, loss, dtype === 'f32' ? [x, w] : [x]);
    const read = { out, dimages: dimages!, ...(dweight ? { dweight } : {}) };
    const executable = await compile(gpu, g, read, { guards: true });
    const got = await executable.run(
      { images, weight: dtype === 'f32' ? weight : halves },
      Object.keys(read),
    );
    executable.dispose();
    const want = reference();
    for (const name of Object.keys(read) as (keyof typeof want)[]) {
      const { error, scale } = compare(name, got[name]!, want[name]);
      expect(error, name).toBeLessThanOrEqual(2e-6 * scale);
    }
    expect(dweight === undefined).toBe(dtype === 'f16');
  });
});

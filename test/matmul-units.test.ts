import { describe, expect, test } from 'vitest';
import { encodeHalf, halfToFloat } from '../src/formats/half.ts';
import { type Capabilities, type Gpu, openGpu } from '../src/gpu/gpu.ts';
import { compile } from '../src/graph/executor.ts';
import { createGraph } from '../src/graph/graph.ts';
import { matmulOp } from '../src/kernels/matmul/matmul.ts';
import { layoutNames } from '../src/kernels/matmul/units.ts';
import { f32 } from '../src/kernels/tensor.ts';
import { numbers } from '../testing/op-check.ts';
import { testGpu } from './gpu.ts';

const gpu = await testGpu();
const hasUnits = gpu.capabilities.matrixUnits.length > 0;
if (!hasUnits) console.log('skipped: this adapter has no matrix units (npm run test:mesa26 has some)');

/** Largest error of a layer of f16 weights with this K, as a fraction of the largest value. */
async function errorAt(on: Gpu, K: number, variant: string, op = matmulOp): Promise<number> {
  const [M, N] = [40, 72];
  const normals = (count: number, seed: number) => Float32Array.from({ length: count }, numbers(seed).normal);
  const values = { a: normals(M * K, 1), b: encodeHalf(normals(N * K, 2)) };
  const g = createGraph();
  const a = g.input('a', f32(M, K));
  const b = g.input('b', { shape: [N, K], dtype: 'f16' });
  const out = g.apply(op, { transposeB: true }, [a, b])[0]!;
  const executable = await compile(on, g, { out }, { variants: { matmul: variant } });
  const got = (await executable.run(values, ['out'])).out!;
  executable.dispose();
  const weights = Float64Array.from(values.b, halfToFloat);
  let [error, scale] = [0, 0];
  got.forEach((found, i) => {
    let want = 0;
    for (let k = 0; k < K; k += 1) want += values.a[Math.floor(i / N) * K + k]! * weights[(i % N) * K + k]!;
    error = Math.max(error, Number.isNaN(found) ? Number.POSITIVE_INFINITY : Math.abs(found - want));
    scale = Math.max(scale, Math.abs(want));
  });
  return error / scale;
}

describe.skipIf(!hasUnits)('products on matrix units', () => {
  test.each([64, 1024, 4096])('f32 accuracy at K = %i, and what rounding costs', async (K) => {
    const rounding = { ...gpu, capabilities: { ...gpu.capabilities, roundOperands: true } };
    const split = await errorAt(gpu, K, 'units');
    const parts = await errorAt(gpu, K, 'deep_units');
    const rounded = await errorAt(rounding, K, 'units');
    const f = (x: number) => x.toExponential(1);
    console.log(`K = ${K}: split ${f(split)}, in two parts ${f(parts)}, rounded ${f(rounded)}`);
    expect(split).toBeLessThan(2e-6);
    expect(parts).toBeLessThan(2e-6);
    expect(rounded).toBeGreaterThan(2e-5); // else it was not rounded
    expect(rounded).toBeLessThan(1e-3);
  });

  test.each(['UNROLLED', 'AHEAD'])(
    '%s, which software adapters are spared',
    async (name) => {
      const dispatches: typeof matmulOp.dispatches = (call) =>
        matmulOp.dispatches(call).map((d) => ({ ...d, overrides: { ...d.overrides, [name]: true } }));
      expect(await errorAt(gpu, 1056, 'units', { ...matmulOp, dispatches })).toBeLessThan(2e-6);
    },
    300_000,
  );

  test('a device is opened for rounded operands, or without subgroups, on request', async () => {
    for (const [options, units, rounds] of [
      [{ roundOperands: true }, true, true],
      [{ subgroups: false }, false, false],
    ] as const) {
      const opened = await openGpu(options);
      const { matrixUnits, roundOperands } = opened.capabilities;
      expect(matrixUnits.length > 0).toBe(units);
      expect(roundOperands).toBe(rounds);
      if (rounds) expect(await errorAt(opened, 64, 'units')).toBeGreaterThan(2e-5);
      opened.close();
    }
  });
});

describe('which adapters and products get matrix units', () => {
  /** As a large NVIDIA GPU describes itself. */
  const large: Capabilities = {
    subgroupSize: 32,
    software: false,
    timestamps: true,
    maxInvocations: 1024,
    workgroupMemory: 49152,
    matrixUnits: [16, 8].flatMap((N) => [16, 8].map((K) => ({ M: 16, N, K }))),
    roundOperands: false,
  };
  const chosen = (M: number, N: number, K: number, capabilities: Capabilities) => {
    const tensor = (...shape: number[]) => ({ ...f32(...shape), storage: 0 });
    const [dispatch] = matmulOp.dispatches({
      attrs: { transposeB: true },
      inputs: [tensor(M, K), tensor(N, K)],
      outputs: [tensor(M, N)],
      capabilities,
    });
    const { ROWS, COLUMNS, SLICES } = dispatch!.overrides!;
    const name = dispatch!.shader.path.replace(/.*matmul_|\.wgsl/g, '');
    return name.startsWith('units') ? `${name} ${ROWS},${COLUMNS},${SLICES}` : name;
  };

  test.each<[string, number, number, number, Partial<Capabilities>, string]>([
    ['a large product', 1370, 4096, 1024, {}, 'units_16x16x16 4,2,1'],
    ['a workgroup for every other core', 128 * 8, 128 * 8, 512, {}, 'units_16x16x16 4,2,1'],
    ['one fewer', 128 * 7, 128 * 9, 512, {}, 'tile'],
    ['few rows', 16, 3072, 768, {}, 'skinny'],
    ['a short side', 31, 3072, 64, {}, 'tile'],
    ['a short sum', 1370, 4096, 32, {}, 'block'],
    [
      'units of a size that no shader has',
      1370,
      4096,
      1024,
      { matrixUnits: [{ M: 4, N: 4, K: 4 }] },
      'block',
    ],
    ['no units', 1370, 4096, 1024, { matrixUnits: [] }, 'block'],
    ['subgroups of varying size', 1370, 4096, 1024, { subgroupSize: 0 }, 'block'],
    ['32 KiB of workgroup memory', 1370, 4096, 1024, { workgroupMemory: 32768 }, 'units_16x16x16 2,2,1'],
    ['16 KiB', 1370, 4096, 1024, { workgroupMemory: 16384 }, 'block'],
    ['workgroups of 128', 1370, 4096, 1024, { maxInvocations: 128 }, 'units_16x16x16 2,2,1'],
  ])('%s', (_, M, N, K, other, expected) => {
    expect(chosen(M, N, K, { ...large, ...other })).toBe(expected);
  });

  test('an adapter offers the layouts that fit it', () => {
    const offered = (other: Partial<Capabilities>) =>
      matmulOp.variants!({ ...large, ...other }).filter((v) => (layoutNames as string[]).includes(v));
    expect(offered({})).toEqual(layoutNames);
    expect(offered({ workgroupMemory: 32768 })).toEqual(['units']);
    expect(offered({ maxInvocations: 128 })).toEqual(['units', 'deep_units']);
    expect(offered({ matrixUnits: [] })).toEqual([]);
  });
});

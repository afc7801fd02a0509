// npm run bench -- products: every variant of the matrix product at the shapes of an image and of a training step, with the
// error of each beside its time. Made for a GPU that is lent for minutes.
import { encodeHalf, halfToFloat } from '../src/formats/half.ts';
import type { Gpu } from '../src/gpu/gpu.ts';
import { constantOf } from '../src/gpu/shader.ts';
import { compile } from '../src/graph/executor.ts';
import { createGraph } from '../src/graph/graph.ts';
import { spread } from '../src/kernels/grid.ts';
import { productShape } from '../src/kernels/matmul/geometry.ts';
import { matmulOp } from '../src/kernels/matmul/matmul.ts';
import { layoutNames } from '../src/kernels/matmul/units.ts';
import { uniform } from './random.ts';

export interface ProductShape {
  readonly name: string;
  readonly M: number;
  readonly K: number;
  readonly N: number;
  /** b as [N, K], as a layer has its weights; else [K, N], as the gradient by the layer's input has them. */
  readonly transposeB: boolean;
}

const layer = (name: string, M: number, K: number, N: number): ProductShape => ({
  name,
  M,
  K,
  N,
  transposeB: true,
});
const gradient = (name: string, M: number, K: number, N: number): ProductShape => ({
  ...layer(name, M, K, N),
  transposeB: false,
});

/** ViT-L/14 at 518 px; the text tower on the 480 rows of a step's largest group. */
export const productShapes: readonly ProductShape[] = [
  layer('image out', 1370, 1024, 1024),
  layer('image q, k, v', 1370, 1024, 3072),
  layer('image MLP 1', 1370, 1024, 4096),
  layer('image MLP 2', 1370, 4096, 1024),
  layer('text out', 480, 768, 768),
  layer('text q, k, v', 480, 768, 2304),
  layer('text MLP 1', 480, 768, 3072),
  layer('text MLP 2', 480, 3072, 768),
  gradient('text q, k, v backward', 480, 2304, 768),
  gradient('text MLP 1 backward', 480, 3072, 768),
];

export interface ProductResult {
  readonly shape: ProductShape;
  readonly variant: string;
  readonly microseconds: number;
  readonly gflops: number;
  /** Largest error of the sampled elements, as a fraction of the largest of them. */
  readonly error: number;
  readonly wrong: boolean;
}

/** Most error of f32 accuracy, and of operands rounded to f16, at K up to 4096. */
const tolerance = { exact: 1e-5, rounded: 2e-3 };

/** Subgroups of a workgroup along rows, columns and K: a layout of matrix units that is no variant (yet). */
export type TrialLayout = readonly [ROWS: number, COLUMNS: number, SLICES: number];

/** A variant, and whether matrix units get rounded operands. */
interface Trial {
  readonly name: string;
  readonly variant: string;
  readonly rounded: boolean;
  readonly layout?: TrialLayout;
}

function trialsOf(gpu: Gpu, layouts: readonly TrialLayout[]): Trial[] {
  const units: readonly string[] = layoutNames;
  const variants = matmulOp.variants!(gpu.capabilities);
  // `strip` is for software adapters, `skinny` for few rows.
  const timed = variants.filter((v) => v !== 'skinny' && (v !== 'strip' || gpu.capabilities.software));
  return [
    ...timed.map((variant) => ({ name: variant, variant, rounded: false })),
    ...timed
      .filter((v) => units.includes(v))
      .map((variant) => ({ name: `${variant}, rounded`, variant, rounded: true })),
    ...layouts.flatMap((layout) =>
      timed
        .filter((v) => v === 'units')
        .map((variant) => ({ name: `units of ${layout.join()}`, variant, rounded: false, layout })),
    ),
  ];
}

export interface ProductOptions {
  /** Only shapes whose name contains this. */
  readonly filter: string;
  /** Milliseconds for timing one variant at one shape. */
  readonly budget: number;
  /** Layouts of matrix units to try beside the variants. */
  readonly layouts: readonly TrialLayout[];
  readonly onResult?: (result: ProductResult) => void;
}

export async function benchProducts(gpu: Gpu, options: ProductOptions): Promise<ProductResult[]> {
  const results: ProductResult[] = [];
  for (const shape of productShapes.filter(({ name }) => name.includes(options.filter))) {
    const { M, K, N } = shape;
    const random = uniform(M + 3 * K + 7 * N);
    const a = Float32Array.from({ length: M * K }, random);
    const b = encodeHalf(Float32Array.from({ length: K * N }, random));
    const sampled = sample(shape, a, b);
    for (const trial of trialsOf(gpu, options.layouts)) {
      const { capabilities } = gpu;
      const as: Gpu = { ...gpu, capabilities: { ...capabilities, roundOperands: trial.rounded } };
      const result = await measure(as, { shape, feeds: { a, b }, sampled }, trial, options.budget);
      results.push(result);
      options.onResult?.(result);
    }
  }
  return results;
}

/** The product with another layout of its workgroups. */
const withLayout = ([ROWS, COLUMNS, SLICES]: TrialLayout): typeof matmulOp => ({
  ...matmulOp,
  dispatches(call) {
    const { M, N, K } = productShape(call.attrs, call.inputs[0], call.inputs[1]).geometry;
    return matmulOp.dispatches(call).map((dispatch) => {
      const of = (name: string) => constantOf(dispatch.shader, name);
      const count = Math.ceil(M / (ROWS * of('BLOCK_M'))) * Math.ceil(N / (COLUMNS * of('BLOCK_N')));
      const overrides = {
        ...dispatch.overrides,
        ROWS,
        COLUMNS,
        SLICES,
        WHOLE: K % (SLICES * of('DEPTH')) === 0,
      };
      return { ...dispatch, overrides, workgroups: spread(count) };
    });
  },
});

/** Of one run on a GPU: some milliseconds. */
const flopsPerRun = 1e11;

interface Sampled {
  readonly index: number;
  readonly value: number;
}

/** Some elements of the product in float64: of the first, last and other rows and columns. */
function sample({ M, K, N, transposeB }: ProductShape, a: Float32Array, b: Uint16Array): Sampled[] {
  const some = (count: number, of: number) =>
    Array.from({ length: count }, (_, i) => Math.round((i * (of - 1)) / (count - 1)));
  const columns = some(61, N);
  return some(9, M).flatMap((m) =>
    columns.map((n) => {
      let value = 0;
      for (let k = 0; k < K; k += 1)
        value += a[m * K + k]! * halfToFloat(b[transposeB ? n * K + k : k * N + n]!);
      return { index: m * N + n, value };
    }),
  );
}

interface Product {
  readonly shape: ProductShape;
  readonly feeds: { readonly a: Float32Array; readonly b: Uint16Array };
  /** What its result is held against. */
  readonly sampled: readonly Sampled[];
}

async function measure(
  gpu: Gpu,
  { shape, feeds, sampled }: Product,
  { name, variant, rounded, layout }: Trial,
  budget: number,
): Promise<ProductResult> {
  const { M, K, N, transposeB } = shape;
  const graph = createGraph();
  const a = graph.input('a', { shape: [M, K], dtype: 'f32' });
  const b = graph.input('b', { shape: transposeB ? [N, K] : [K, N], dtype: 'f16' });
  // Many in a row: a GPU that waits for the host between two lowers its clock, and all look slow.
  const flops = 2 * M * N * K;
  const copies = gpu.capabilities.software ? 1 : Math.min(32, Math.ceil(flopsPerRun / flops));
  const op = layout ? withLayout(layout) : matmulOp;
  const outputs = Object.fromEntries(
    Array.from({ length: copies }, (_, i) => [`out${i}`, graph.apply(op, { transposeB }, [a, b])[0]!]),
  );
  const executable = await compile(gpu, graph, outputs, { variants: { matmul: variant } });
  try {
    const found = (await executable.run(feeds, ['out0'])).out0!;
    const scale = Math.max(...sampled.map(({ value }) => Math.abs(value)));
    const error =
      Math.max(...sampled.map(({ index, value }) => Math.abs(found[index]! - value) || 0)) / scale;
    const bad = sampled.some(({ index }) => !Number.isFinite(found[index]));
    const start = performance.now();
    const warmUp = gpu.capabilities.software ? 0 : budget / 2;
    let milliseconds = Number.POSITIVE_INFINITY;
    do {
      const time = await timeOnce(gpu, executable);
      if (performance.now() - start >= warmUp) milliseconds = Math.min(milliseconds, time / copies);
    } while (performance.now() - start < budget || milliseconds === Number.POSITIVE_INFINITY);
    return {
      shape,
      variant: name,
      microseconds: 1e3 * milliseconds,
      gflops: flops / milliseconds / 1e6,
      error: bad ? Number.NaN : error,
      wrong: bad || !(error <= (rounded ? tolerance.rounded : tolerance.exact)),
    };
  } finally {
    executable.dispose();
  }
}

async function timeOnce(gpu: Gpu, executable: Awaited<ReturnType<typeof compile>>): Promise<number> {
  if (gpu.capabilities.timestamps)
    return (await executable.profile()).reduce((sum, d) => sum + d.milliseconds, 0);
  const start = performance.now();
  await executable.run({});
  await gpu.finish();
  return performance.now() - start;
}

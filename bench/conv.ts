// npm run bench -- conv: the convolution against the same sums as matrix products of gathered pixels, one product for
// each place of the kernel, in one run and in turns; both must agree before either is timed.
import type { Gpu } from '../src/gpu/gpu.ts';
import { compile, type Executable } from '../src/graph/executor.ts';
import { createGraph, type Graph } from '../src/graph/graph.ts';
import { conv2d } from '../src/kernels/conv2d/conv2d.ts';
import { gatherRows } from '../src/kernels/gather/gather.ts';
import { linear, matmul } from '../src/kernels/matmul/matmul.ts';
import { concat, slice } from '../src/kernels/slice/slice.ts';
import { elements, type Tensor } from '../src/kernels/tensor.ts';
import { summary } from './output.ts';
import { uniform } from './random.ts';

export interface ConvSettings {
  /** Side of the grid in patches. */
  readonly grid: number;
  readonly channels: number;
  readonly outChannels: number;
  /** Side of the kernel; the padding keeps the grid. */
  readonly kernel: number;
  readonly runs: number;
}

export interface ConvResult {
  readonly what: string;
  readonly gflop: number;
  /** Medians and spreads: the operator's, and that of the gathered products. */
  readonly conv: { readonly median: number; readonly spread: number };
  readonly gathered: { readonly median: number; readonly spread: number };
  /** Largest difference, as a fraction of the largest value. */
  readonly difference: number;
}

/** The rows that each place of the kernel sees, n for a row of zeros behind the others: [kernel^2][n]. */
function seenRows(grid: number, kernel: number): Int32Array[] {
  const pad = (kernel - 1) / 2;
  const n = grid * grid;
  return Array.from({ length: kernel * kernel }, (_, tap) =>
    Int32Array.from({ length: n }, (_, pixel) => {
      const y = Math.floor(pixel / grid) + Math.floor(tap / kernel) - pad;
      const x = (pixel % grid) + (tap % kernel) - pad;
      return y < 0 || y >= grid || x < 0 || x >= grid ? n : y * grid + x;
    }),
  );
}

type Build = (graph: Graph, operands: { x: Tensor; weight: Tensor; dout: Tensor }) => Tensor;

export async function benchConv(gpu: Gpu, settings: ConvSettings): Promise<ConvResult[]> {
  const { grid, channels, outChannels, kernel, runs } = settings;
  const n = grid * grid;
  const padding = [(kernel - 1) / 2, (kernel - 1) / 2] as const;
  const rows = seenRows(grid, kernel);
  const gather = (graph: Graph, x: Tensor) => {
    const zeros = graph.constant('zeros', new Float32Array(channels), [1, 1, channels]);
    const padded = concat(graph, [graph.view(x, [1, n, channels]), zeros], 1);
    return (index: number) =>
      graph.view(gatherRows(graph, padded, graph.constant(`tap ${index}`, rows[index]!, [1, n])), [
        n,
        channels,
      ]);
  };
  const forward: Record<'conv' | 'gathered', Build> = {
    conv: (graph, { x, weight }) => conv2d(graph, x, weight, { padding }),
    gathered(graph, { x, weight }) {
      const seen = gather(graph, x);
      let sum: Tensor | undefined;
      for (let tap = 0; tap < kernel * kernel; tap += 1) {
        const part = slice(graph, graph.view(weight, [kernel * kernel, outChannels, channels]), {
          axis: 0,
          start: tap,
          end: tap + 1,
        });
        sum = linear(graph, seen(tap), graph.view(part, [outChannels, channels]), { residual: sum });
      }
      return sum!;
    },
  };
  const ofWeight: Record<'conv' | 'gathered', Build> = {
    conv(graph, { x, weight, dout }) {
      const out = conv2d(graph, x, weight, { padding });
      const { op, attrs, inputs, outputs } = graph.nodes.at(-1)!;
      const upstream = [graph.view(dout, out.shape)];
      return op.gradient!({
        attrs,
        inputs,
        outputs,
        upstream,
        needs: [false, true, false],
        builder: graph,
      })[1]!;
    },
    gathered(graph, { x, dout }) {
      const seen = gather(graph, x);
      const parts = rows.map((_, tap) =>
        graph.view(matmul(graph, dout, seen(tap), { transposeA: true }), [1, outChannels, channels]),
      );
      return concat(graph, parts, 0);
    },
  };
  const random = uniform(5);
  const numbers = (count: number, scale: number) =>
    Float32Array.from({ length: count }, () => scale * random());
  const count = kernel * kernel * outChannels * channels;
  const feeds = {
    x: numbers(n * channels, 1),
    weight: numbers(count, (kernel * kernel * channels) ** -0.5),
    dout: numbers(n * outChannels, 1),
  };
  const make = async (build: Build): Promise<Executable> => {
    const graph = createGraph();
    const operands = {
      x: graph.input('x', { shape: [1, grid, grid, channels], dtype: 'f32' }),
      weight: graph.input('weight', { shape: [kernel, kernel, outChannels, channels], dtype: 'f32' }),
      dout: graph.input('dout', { shape: [n, outChannels], dtype: 'f32' }),
    };
    return compile(gpu, graph, { out: build(graph, operands), ...operands });
  };
  const results: ConvResult[] = [];
  for (const [what, build] of [['forward', forward] as const, ['weight gradient', ofWeight] as const]) {
    const made = { conv: await make(build.conv), gathered: await make(build.gathered) };
    const found = {
      conv: (await made.conv.run(feeds, ['out'])).out as Float32Array,
      gathered: (await made.gathered.run(feeds, ['out'])).out as Float32Array,
    };
    const largest = found.conv.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const difference =
      found.conv.reduce((most, value, i) => Math.max(most, Math.abs(value - found.gathered[i]!)), 0) /
      largest;
    if (!(difference < 1e-4))
      throw new Error(`${what}: the two differ by ${difference} of the largest value`);
    const times: Record<'conv' | 'gathered', number[]> = { conv: [], gathered: [] };
    for (let run = 0; run < runs; run += 1)
      for (const name of ['conv', 'gathered'] as const) {
        const start = performance.now();
        await made[name].run({});
        await gpu.finish();
        times[name].push(performance.now() - start);
      }
    for (const executable of Object.values(made)) executable.dispose();
    results.push({
      what,
      gflop: (2 * n * elements([kernel, kernel, channels, outChannels])) / 1e9,
      conv: summary(times.conv),
      gathered: summary(times.gathered),
      difference,
    });
  }
  return results;
}

// npm run bench -- kernels: every room's cases, forward, each variant; a wrong result is never timed.
import type { Gpu } from '../src/gpu/gpu.ts';
import { compile } from '../src/graph/executor.ts';
import { createGraph } from '../src/graph/graph.ts';
import * as rooms from '../src/kernels/index.ts';
import { byteLength, type Case, elements, type Room } from '../src/kernels/op.ts';
import { checkCase } from '../test/op-check.ts';
import { summary } from './output.ts';
import { uniform } from './random-clip.ts';

export interface Timing {
  readonly milliseconds: number;
  readonly spread: number;
  readonly gflops: number;
  readonly gigabytes: number;
}
export interface KernelResult extends Timing {
  readonly op: string;
  readonly case: string;
  readonly variant: string;
  /** The larger of the two shares of the adapter's ceilings. */
  readonly ofCeiling: number;
}

/** Throws if the case's result, forward or backward, is not the float64 reference's. */
export async function verify(gpu: Gpu, room: Room, testCase: Case<unknown>, variant?: string): Promise<void> {
  for (const { what, error, scale } of await checkCase(gpu, room, testCase, variant)) {
    if (!(error <= (testCase.tolerance ?? 5e-6) * scale + 1e-30))
      throw new Error(`${room.op.name}/${testCase.name} ${variant ?? ''}: ${what} is wrong by ${error}`);
  }
}

/** Median GPU time of the forward operator; float inputs rotate among fresh random ones. */
async function time(gpu: Gpu, room: Room, { attrs, inputs }: Case<unknown>, variant: string, runs: number) {
  const graph = createGraph();
  const leaves = inputs.map(
    (i, n) => i && graph.input(`in${n}`, { shape: i.shape, dtype: i.dtype ?? 'f32' }),
  );
  const outputs = graph.apply(room.op, attrs, leaves);
  const read = Object.fromEntries(outputs.map((t, i) => [`out${i}`, t]));
  const executable = await compile(gpu, graph, read, { variants: { [room.op.name]: variant } });
  const random = uniform(5);
  const feeds = Array.from({ length: 3 }, () =>
    Object.fromEntries(
      inputs.flatMap((i, n) => {
        if (!i || (i.dtype ?? 'f32') !== 'f32' || i.values) return [];
        return [[`in${n}`, Float32Array.from({ length: elements(i.shape) }, random)] as const];
      }),
    ),
  );
  const times: number[] = [];
  for (let i = 0; i < runs + 2; i += 1) {
    await executable.run(feeds[i % 3]!);
    const start = performance.now();
    if (!gpu.capabilities.timestamps) {
      await executable.run({});
      await gpu.finish();
    }
    const milliseconds = gpu.capabilities.timestamps
      ? (await executable.profile()).reduce((sum, d) => sum + d.milliseconds, 0)
      : performance.now() - start;
    if (i >= 2) times.push(milliseconds);
  }
  const bytes = [...leaves, ...outputs].reduce((sum, t) => sum + (t ? byteLength(t) : 0), 0);
  const { flops } = executable.plan;
  executable.dispose();
  const { median, spread } = summary(times);
  return { milliseconds: median, spread, gflops: flops / median / 1e6, gigabytes: bytes / median / 1e6 };
}

const roomOf = (name: string) =>
  Object.values(rooms)
    .flat()
    .find(({ op }) => op.name === name)!;

/** The best of a large matmul, and of a large element-wise pass. */
async function measureCeilings(gpu: Gpu, quick: boolean) {
  const n = quick ? 512 : 1024;
  const product = {
    name: 'ceiling',
    attrs: { transposeB: true },
    inputs: [{ shape: [n, n] }, { shape: [n, n] }],
  };
  const matmul = roomOf('matmul');
  const best = { gflops: 0, gigabytes: 0 };
  for (const variant of matmul.op.variants?.(gpu.capabilities) ?? [''])
    best.gflops = Math.max(best.gflops, (await time(gpu, matmul, product, variant, 3)).gflops);
  const copy = { name: 'ceiling', attrs: {}, inputs: [{ shape: [4 * n * n] }] };
  best.gigabytes = (await time(gpu, roomOf('quickgelu'), copy, '', 3)).gigabytes;
  return best;
}

export async function benchKernels(gpu: Gpu, { filter, quick }: { filter: string; quick: boolean }) {
  const ceilings = await measureCeilings(gpu, quick);
  const kernels: KernelResult[] = [];
  for (const room of Object.values(rooms).flat()) {
    for (const testCase of room.cases.filter((c) => `${room.op.name}/${c.name}`.includes(filter))) {
      for (const variant of room.op.variants?.(gpu.capabilities) ?? ['']) {
        await verify(gpu, room, testCase, variant || undefined);
        const timing = await time(gpu, room, testCase, variant, quick ? 3 : 15);
        const ofCeiling = Math.max(timing.gflops / ceilings.gflops, timing.gigabytes / ceilings.gigabytes);
        kernels.push({ op: room.op.name, case: testCase.name, variant, ...timing, ofCeiling });
      }
    }
  }
  return { ceilings, kernels };
}

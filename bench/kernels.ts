// npm run bench -- kernels: every room's cases, forward, each variant; a wrong result is never timed.
import type { Gpu } from '../src/gpu/gpu.ts';
import { compile } from '../src/graph/executor.ts';
import { createGraph } from '../src/graph/graph.ts';
import * as rooms from '../src/kernels/index.ts';
import { byteLength, type Case, type Room, type Tensor } from '../src/kernels/op.ts';
import { checkCase, makeInput, toHost } from '../test/op-check.ts';
import { summary } from './output.ts';

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

/** Sets of inputs, used one after the other: what one leaves in the caches the next cannot use. */
const rotation = 3;

/** Median GPU time of the forward operator, on the room's own kind of inputs. */
async function time(gpu: Gpu, room: Room, { attrs, inputs }: Case<unknown>, variant: string, runs: number) {
  const graph = createGraph();
  const outputs: Record<string, Tensor> = {};
  const feeds: Record<string, ReturnType<typeof toHost>> = {};
  for (let set = 0; set < rotation; set += 1) {
    const leaves = inputs.map((input, i) => {
      if (!input) return undefined;
      feeds[`${set}/${i}`] = toHost(input, makeInput(input, 1000 * set + i).data);
      return graph.input(`${set}/${i}`, { shape: input.shape, dtype: input.dtype ?? 'f32' });
    });
    for (const [i, t] of graph.apply(room.op, attrs, leaves).entries()) outputs[`${set}/${i}`] = t;
  }
  const executable = await compile(gpu, graph, outputs, { variants: { [room.op.name]: variant } });
  await executable.run(feeds); // uploads, and compiles on lazy drivers
  const times: number[] = [];
  for (let i = 0; i < runs + 1; i += 1) {
    const start = performance.now();
    let milliseconds: number;
    if (gpu.capabilities.timestamps) {
      milliseconds = (await executable.profile()).reduce((sum, d) => sum + d.milliseconds, 0);
    } else {
      await executable.run({});
      await gpu.finish();
      milliseconds = performance.now() - start;
    }
    if (i > 0) times.push(milliseconds / rotation);
  }
  const [node] = executable.plan.nodes;
  const bytes = [...node!.inputs, ...node!.outputs].reduce((sum, t) => sum + (t ? byteLength(t) : 0), 0);
  const flops = executable.plan.flops / rotation;
  executable.dispose();
  const { median, spread } = summary(times);
  return { milliseconds: median, spread, gflops: flops / median / 1e6, gigabytes: bytes / median / 1e6 };
}

const roomOf = (name: string) =>
  Object.values(rooms)
    .flat()
    .find(({ op }) => op.name === name)!;

/** The best of a large matmul, and of a large copy. */
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
  const shape = [16 * n * n];
  const copy = { name: 'ceiling', attrs: { shape, scale: 1, offset: 0 }, inputs: [{ shape }] };
  best.gigabytes = (await time(gpu, roomOf('expand'), copy, '', 3)).gigabytes;
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

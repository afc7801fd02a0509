// Every case of every room, timed: checked against the float64 reference first, inputs fresh and rotated.
import { openGpu } from '../src/gpu/gpu.ts';
import { compile } from '../src/graph/executor.ts';
import { createGraph } from '../src/graph/graph.ts';
import * as rooms from '../src/kernels/index.ts';
import { byteLength, type Tensor } from '../src/kernels/op.ts';
import { checkCase, makeInput, toHost } from '../test/op-check.ts';
import { table, timing } from './stats.ts';

export interface KernelOptions {
  readonly filter?: string;
  readonly runs: number;
}

export interface KernelResult {
  readonly op: string;
  readonly case: string;
  readonly variant: string;
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  readonly gflops: number;
  readonly gigabytes: number;
}

const rotation = 3; // sets of inputs

export async function benchKernels({ filter = '', runs }: KernelOptions): Promise<object> {
  const gpu = await openGpu();
  if (!gpu.capabilities.timestamps)
    throw new Error('this adapter has no timestamp queries: kernels cannot be timed');
  console.log(`${gpu.description}, subgroups of ${gpu.capabilities.subgroupSize}`);
  const results: KernelResult[] = [];
  for (const room of Object.values(rooms).flat()) {
    for (const testCase of room.cases) {
      if (!`${room.op.name}/${testCase.name}`.includes(filter)) continue;
      for (const variant of room.op.variants?.(gpu.capabilities) ?? ['']) {
        for (const { what, error, scale } of await checkCase(gpu, room, testCase, variant || undefined)) {
          if (error > (testCase.tolerance ?? 5e-6) * scale + 1e-30)
            throw new Error(
              `${room.op.name}/${testCase.name} ${variant}: ${what} is wrong by ${error}; not timed`,
            );
        }
        // The same node on several sets of inputs, one after the other: what one leaves in the cache the next cannot use.
        const graph = createGraph();
        const outputs: Record<string, Tensor> = {};
        const feeds: Record<string, ReturnType<typeof toHost>> = {};
        for (let set = 0; set < rotation; set += 1) {
          const inputs = testCase.inputs.map((input, i) => {
            if (!input) return undefined;
            const name = `${set}/${i}`;
            feeds[name] = toHost(input.dtype, makeInput(input, 1000 * set + i).data);
            return graph.input(name, { shape: input.shape, dtype: input.dtype ?? 'f32' });
          });
          outputs[`${set}`] = graph.apply(room.op, testCase.attrs, inputs)[0]!;
        }
        const executable = await compile(
          gpu,
          graph,
          outputs,
          variant ? { variants: { [room.op.name]: variant } } : {},
        );
        await executable.run(feeds);
        const times: number[] = [];
        for (let i = 0; i < runs; i += 1)
          times.push((await executable.profile()).reduce((sum, t) => sum + t.milliseconds, 0) / rotation);
        const node = executable.plan.nodes[0]!;
        const bytes = [...node.inputs, ...node.outputs].reduce((sum, t) => sum + (t ? byteLength(t) : 0), 0);
        const time = timing(times);
        results.push({
          op: room.op.name,
          case: testCase.name,
          variant,
          ...time,
          gflops: executable.plan.flops / rotation / time.median / 1e6,
          gigabytes: bytes / time.median / 1e6,
        });
        executable.dispose();
      }
    }
  }
  gpu.close();
  const best = {
    gflops: Math.max(...results.map((r) => r.gflops)),
    gigabytes: Math.max(...results.map((r) => r.gigabytes)),
  };
  console.log(
    table(
      ['operator / case', 'variant', 'ms', 'spread', 'GFLOP/s', 'GB/s'],
      results.map((r) => [
        `${r.op} / ${r.case}`,
        r.variant,
        r.median.toFixed(3),
        `${r.lowest.toFixed(3)}-${r.highest.toFixed(3)}`,
        r.gflops.toFixed(2),
        r.gigabytes.toFixed(2),
      ]),
    ),
  );
  console.log(`best of this run: ${best.gflops.toFixed(1)} GFLOP/s, ${best.gigabytes.toFixed(1)} GB/s`);
  return { adapter: gpu.description, best, results };
}

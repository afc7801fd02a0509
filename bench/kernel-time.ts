// How long a kernel takes, and the ceilings that its work is held against.
import type { Gpu } from '../src/gpu/gpu.ts';
import { blocks } from '../src/kernels/matmul/variants.ts';
import type { Case, OpTest } from '../src/kernels/op-test.ts';
import { byteLength } from '../src/kernels/tensor.ts';
import { opTestOf } from '../testing/op-tests.ts';
import { type Built, build, rotation } from './kernel-build.ts';
import { summary } from './output.ts';

export interface KernelResult {
  readonly op: string;
  readonly case: string;
  readonly direction: 'forward' | 'backward';
  /** The variant forced; '': the operator's own choice. */
  readonly variant: string;
  readonly milliseconds: number;
  readonly spread: number;
  readonly gflops: number;
  readonly gigabytes: number;
  /** Work per byte that must move: where the kernel stands on the roofline. */
  readonly flopsPerByte: number;
  /** Fractions of the two ceilings. */
  readonly ofArithmetic: number;
  readonly ofBandwidth: number;
}

export interface Ceilings {
  readonly gflops: number;
  readonly gigabytes: number;
}

/** Time of one execution, its first `dispatches` dispatches apart. */
async function timeOnce(gpu: Gpu, { executable }: Built, dispatches: number): Promise<[number, number]> {
  if (gpu.capabilities.timestamps) {
    const times = (await executable.profile()).map((d) => d.milliseconds);
    const sum = (part: number[]) => part.reduce((total, ms) => total + ms, 0);
    return [sum(times.slice(0, dispatches)), sum(times.slice(dispatches))];
  }
  const start = performance.now();
  await executable.run({});
  await gpu.finish();
  return [performance.now() - start, 0];
}

/** Work and bytes of one copy of the nodes [from, to): every operand once. */
function costOf({ executable }: Built, from: number, to: number) {
  const nodes = executable.plan.nodes.slice(from, to);
  const flops = nodes.reduce(
    (sum, { op, attrs, inputs, outputs }) => sum + op.cost({ attrs, inputs, outputs }).flops,
    0,
  );
  const bytes = nodes.reduce(
    (sum, { inputs, outputs }) =>
      [...inputs, ...outputs].reduce((total, t) => total + (t ? byteLength(t) : 0), sum),
    0,
  );
  return { flops: flops / rotation, bytes: bytes / rotation };
}

export interface TimeOptions {
  /** Inputs whose gradients are timed too. */
  readonly wrt?: readonly number[];
  readonly variant?: string | undefined;
  readonly quick: boolean;
}

/** Median times of the operator and, for `wrt`, of its gradient. */
export async function time(
  gpu: Gpu,
  opTest: OpTest,
  testCase: Case<unknown>,
  { wrt = [], variant, quick }: TimeOptions,
): Promise<Omit<KernelResult, 'ofArithmetic' | 'ofBandwidth'>[]> {
  const forward = await build(gpu, opTest, testCase, { variant });
  const whole = wrt.length > 0 ? await build(gpu, opTest, testCase, { wrt, variant }) : forward;
  const { dispatches } = forward.executable;
  const samples: { forward: number; backward: number }[] = [];
  try {
    for (const { executable, feeds } of new Set([forward, whole])) await executable.run(feeds); // uploads, warms up
    const once = async () => {
      if (gpu.capabilities.timestamps || whole === forward) {
        const [first, rest] = await timeOnce(gpu, whole, dispatches);
        return { forward: first, backward: rest };
      }
      const [first] = await timeOnce(gpu, forward, dispatches);
      const [both] = await timeOnce(gpu, whole, dispatches);
      return { forward: first, backward: Math.max(0, both - first) };
    };
    // A GPU that was idle takes a while to reach its clock.
    const warmUp = gpu.capabilities.software ? 0 : 300; // ms
    const began = performance.now();
    while (performance.now() - began < warmUp) await once();
    const start = performance.now();
    await once();
    const budget = quick ? 100 : 2000; // ms
    const runs = Math.min(quick ? 3 : 15, Math.max(3, Math.round(budget / (performance.now() - start))));
    for (let i = 0; i < runs; i += 1) samples.push(await once());
    const parts = [
      { direction: 'forward', from: 0, to: whole.forwardNodes },
      { direction: 'backward', from: whole.forwardNodes, to: whole.executable.plan.nodes.length },
    ] as const;
    return parts
      .filter(({ from, to }) => to > from)
      .map(({ direction, from, to }) => {
        const { median, spread } = summary(samples.map((s) => s[direction] / rotation));
        const { flops, bytes } = costOf(whole, from, to);
        return {
          op: opTest.op.name,
          case: testCase.name,
          direction,
          variant: variant ?? '',
          milliseconds: median,
          spread,
          gflops: flops / median / 1e6,
          gigabytes: bytes / median / 1e6,
          flopsPerByte: flops / bytes,
        };
      });
  } finally {
    for (const { executable } of new Set([forward, whole])) executable.dispose();
  }
}

/** The best of a large matmul, and of a large copy. */
export async function measureCeilings(gpu: Gpu, quick: boolean): Promise<Ceilings> {
  const n = quick ? 512 : 1024;
  const values = (i: number) => (i % 8) / 8; // random ones take longer than all the rest
  const product = {
    name: 'ceiling',
    attrs: { transposeB: true },
    inputs: [
      { shape: [n, n], values },
      { shape: [n, n], values },
    ],
  };
  const matmul = opTestOf('matmul');
  let gflops = 0;
  for (const variant of matmul.op.variants?.(gpu.capabilities) ?? [undefined]) {
    // Seconds to compile, and the slowest of all there.
    if (gpu.capabilities.software && (blocks as readonly (string | undefined)[]).includes(variant)) continue;
    const [result] = await time(gpu, matmul, product, { variant, quick });
    gflops = Math.max(gflops, result!.gflops);
  }
  const shape = [16 * n * n];
  const copy = { name: 'ceiling', attrs: { shape, scale: 1, offset: 0 }, inputs: [{ shape, values }] };
  const [moved] = await time(gpu, opTestOf('expand'), copy, { quick });
  return { gflops, gigabytes: moved!.gigabytes };
}

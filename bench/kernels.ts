// npm run bench -- kernels: every operator's cases in each variant and the model's own shapes, forward and backward; a
// wrong result is never timed.
import type { Gpu } from '../src/gpu/gpu.ts';
import { compile, type Executable } from '../src/graph/executor.ts';
import { createGraph } from '../src/graph/graph.ts';
import { dispatchesOf } from '../src/graph/steps.ts';
import * as modules from '../src/kernels/index.ts';
import type { Case, OpTest } from '../src/kernels/op-test.ts';
import { byteLength, type Tensor } from '../src/kernels/tensor.ts';
import { checkCase, compare, makeInput, toHost } from '../testing/op-check.ts';
import { type ModelCase, modelCases } from './model-cases.ts';
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

export const opTests: readonly OpTest[] = Object.values(modules).flat();
export const opTestOf = (name: string): OpTest => opTests.find(({ op }) => op.name === name)!;

/** Throws if the case's result, forward or backward, is not the float64 reference's. */
export async function verify(
  gpu: Gpu,
  opTest: OpTest,
  testCase: Case<unknown>,
  variant?: string,
): Promise<void> {
  for (const { what, error, scale } of await checkCase(gpu, opTest, testCase, variant)) {
    if (!(error <= (testCase.tolerance ?? 5e-6) * scale + 1e-30))
      throw new Error(`${opTest.op.name}/${testCase.name} ${variant ?? ''}: ${what} is wrong by ${error}`);
  }
}

/** Sets of inputs, used one after the other: what one leaves in the caches the next cannot use. */
const rotation = 3;

interface Built {
  readonly executable: Executable;
  readonly feeds: Record<string, ReturnType<typeof toHost>>;
  /** Nodes and dispatches that belong to the forward operator come first. */
  readonly forwardNodes: number;
}

/** `sets` copies of the operator and, for `wrt`, of its gradient with a random upstream one. */
async function build(
  gpu: Gpu,
  opTest: OpTest,
  { attrs, inputs }: Case<unknown>,
  wrt: readonly number[],
  { variant, sets = rotation }: { variant?: string | undefined; sets?: number },
): Promise<Built> {
  const graph = createGraph();
  const outputs: Record<string, Tensor> = {};
  const feeds: Built['feeds'] = {};
  const applied = Array.from({ length: sets }, (_, set) => {
    const leaves = inputs.map((input, i) => {
      if (!input) return undefined;
      feeds[`${set}/${i}`] = toHost(input, makeInput(input, 1000 * set + i).data);
      return graph.input(`${set}/${i}`, { shape: input.shape, dtype: input.dtype ?? 'f32' });
    });
    const results = graph.apply(opTest.op, attrs, leaves);
    results.forEach((tensor, i) => {
      outputs[`${set}/out${i}`] = tensor;
    });
    return { leaves, results };
  });
  const forwardNodes = graph.nodes.length;
  if (wrt.length > 0) {
    for (const [set, { leaves, results }] of applied.entries()) {
      const upstream = results.map((tensor, k) => {
        if (!(opTest.differentiable ?? [0]).includes(k)) return undefined;
        const name = `${set}/dout${k}`;
        feeds[name] = toHost(tensor, makeInput(tensor, 1000 * set + 500 + k).data);
        return graph.input(name, tensor);
      });
      const needs = leaves.map((_, i) => wrt.includes(i));
      const call = { attrs, inputs: leaves, outputs: results, upstream, needs, builder: graph };
      for (const [i, tensor] of opTest.op.gradient!(call).entries()) {
        if (tensor && wrt.includes(i)) outputs[`${set}/d${i}`] = tensor;
      }
    }
  }
  // The gradient's nodes are `<op>_...`: the variant is forced on those that have it, too.
  const names = graph.nodes.map(({ op: { name } }) => name);
  const own = names.filter((name) => name === opTest.op.name || name.startsWith(`${opTest.op.name}_`));
  const variants = variant ? Object.fromEntries(own.map((name) => [name, variant])) : {};
  return { executable: await compile(gpu, graph, outputs, { variants }), feeds, forwardNodes };
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
  readonly variant?: string | undefined;
  readonly quick: boolean;
}

/** Median times of the operator and, for `wrt`, of its gradient. */
export async function time(
  gpu: Gpu,
  opTest: OpTest,
  testCase: Case<unknown>,
  wrt: readonly number[],
  { variant, quick }: TimeOptions,
): Promise<Omit<KernelResult, 'ofArithmetic' | 'ofBandwidth'>[]> {
  const forward = await build(gpu, opTest, testCase, [], { variant });
  const whole = wrt.length > 0 ? await build(gpu, opTest, testCase, wrt, { variant }) : forward;
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

/**
 * Compares sampled parts of a model case, forward and backward, with the float64 reference of those parts.
 * @param variants each of them; undefined: the operator's own choice
 */
export async function verifyModelCase(
  gpu: Gpu,
  modelCase: ModelCase,
  variants: readonly (string | undefined)[] = [undefined],
): Promise<void> {
  const { op, testCase, sampledAttrs, sample, wrt } = modelCase;
  const opTest = opTestOf(op);
  const values = testCase.inputs.map((input, i) => input && sample(makeInput(input, i), i));
  const [out] = opTest.reference.forward(sampledAttrs, values);
  let gradients: ReturnType<NonNullable<OpTest['reference']['backward']>> | undefined;
  for (const variant of variants) {
    const { executable, feeds } = await build(gpu, opTest, testCase, wrt, { sets: 1, variant });
    try {
      const found = await executable.run(feeds, ['0/out0', ...wrt.map((i) => `0/d${i}`)]);
      const shape = executable.plan.outputs['0/out0']!.shape;
      const checks = [{ name: '0/out0', shape, want: out!.data }];
      if (wrt.length > 0) {
        const upstream = sample(makeInput({ shape }, 500));
        gradients ??= opTest.reference.backward!(sampledAttrs, values, [upstream]);
        for (const i of wrt)
          checks.push({ name: `0/d${i}`, shape: testCase.inputs[i]!.shape, want: gradients[i]!.data });
      }
      for (const { name, shape: full, want } of checks) {
        const got = sample({ shape: full, data: Float64Array.from(found[name]!) }).data;
        const { error, scale } = compare(name, got, want);
        if (!(error <= 1e-5 * scale))
          throw new Error(
            `${op}/${testCase.name} ${variant ?? ''}: ${name} is wrong by ${error} of ${scale}`,
          );
      }
    } finally {
      executable.dispose();
    }
  }
}

/** The variants that differ at a case: the own choice first, under its name where it has one. */
function distinctVariants(gpu: Gpu, { op, testCase, wrt }: ModelCase): (string | undefined)[] {
  const opTest = opTestOf(op);
  const seen = new Map<string, string | undefined>();
  for (const variant of [undefined, ...(opTest.op.variants?.(gpu.capabilities) ?? [])]) {
    const graph = createGraph();
    const leaves = testCase.inputs.map(
      (input, i) => input && graph.input(`${i}`, { shape: input.shape, dtype: input.dtype ?? 'f32' }),
    );
    const outputs = graph.apply(opTest.op, testCase.attrs, leaves);
    if (wrt.length > 0) {
      const upstream = outputs.map((t, k) =>
        (opTest.differentiable ?? [0]).includes(k) ? graph.input(`upstream ${k}`, t) : undefined,
      );
      const needs = leaves.map((_, i) => wrt.includes(i));
      opTest.op.gradient!({
        attrs: testCase.attrs,
        inputs: leaves,
        outputs,
        upstream,
        needs,
        builder: graph,
      });
    }
    const work = graph.nodes.flatMap((node) => dispatchesOf(gpu, node, variant));
    const key = JSON.stringify(
      work.map(({ dispatch: { shader, overrides, workgroups } }) => [shader.path, overrides, workgroups]),
    );
    if (!seen.has(key) || seen.get(key) === undefined) seen.set(key, variant);
  }
  return [...seen.values()];
}

/** The best of a large matmul, and of a large copy. */
export async function measureCeilings(gpu: Gpu, quick: boolean): Promise<Ceilings> {
  const n = quick ? 512 : 1024;
  const product = {
    name: 'ceiling',
    attrs: { transposeB: true },
    inputs: [{ shape: [n, n] }, { shape: [n, n] }],
  };
  const matmul = opTestOf('matmul');
  let gflops = 0;
  for (const variant of matmul.op.variants?.(gpu.capabilities) ?? [undefined]) {
    const [result] = await time(gpu, matmul, product, [], { variant, quick });
    gflops = Math.max(gflops, result!.gflops);
  }
  const shape = [16 * n * n];
  const copy = { name: 'ceiling', attrs: { shape, scale: 1, offset: 0 }, inputs: [{ shape }] };
  const [moved] = await time(gpu, opTestOf('expand'), copy, [], { quick });
  return { gflops, gigabytes: moved!.gigabytes };
}

export interface BenchOptions {
  /** Only operators and cases whose "operator/case" contains this. */
  readonly filter: string;
  readonly quick: boolean;
  readonly shapes: 'cases' | 'model' | 'all';
  /** The model's own shapes in each variant, too. */
  readonly variants?: boolean;
  readonly onProgress?: (name: string, done: number, total: number) => void;
}

function select(gpu: Gpu, { filter, shapes }: Pick<BenchOptions, 'filter' | 'shapes'>) {
  const wanted = (op: string, name: string) => `${op}/${name}`.includes(filter);
  const fromTests = opTests.flatMap((opTest) =>
    opTest.cases
      .filter(({ name }) => shapes !== 'model' && wanted(opTest.op.name, name))
      .flatMap((testCase) =>
        (opTest.op.variants?.(gpu.capabilities) ?? [undefined]).map((variant) => ({
          opTest,
          testCase,
          variant,
        })),
      ),
  );
  const fromModel = modelCases.filter((m) => shapes !== 'cases' && wanted(m.op, m.testCase.name));
  return { fromTests, fromModel, total: fromTests.length + fromModel.length };
}

/** How many measurements the options select. */
export const countKernels = (...given: Parameters<typeof select>): number => select(...given).total;

export async function benchKernels(gpu: Gpu, options: BenchOptions) {
  const { quick, variants = false, onProgress } = options;
  const { fromTests, fromModel, total } = select(gpu, options);
  const ceilings = await measureCeilings(gpu, quick);
  const kernels: KernelResult[] = [];
  let done = 0;
  const keep = (results: Awaited<ReturnType<typeof time>>) => {
    for (const r of results)
      kernels.push({
        ...r,
        ofArithmetic: r.gflops / ceilings.gflops,
        ofBandwidth: r.gigabytes / ceilings.gigabytes,
      });
    done += 1;
    onProgress?.(`${results[0]!.op}/${results[0]!.case}`, done, total);
  };
  for (const { opTest, testCase, variant } of fromTests) {
    await verify(gpu, opTest, testCase, variant);
    keep(await time(gpu, opTest, testCase, gradientInputs(opTest, testCase), { variant, quick }));
  }
  for (const modelCase of fromModel) {
    const { op, testCase, wrt } = modelCase;
    const each = variants ? distinctVariants(gpu, modelCase) : [undefined];
    await verifyModelCase(gpu, modelCase, each);
    const results: Awaited<ReturnType<typeof time>> = [];
    for (const variant of each)
      results.push(...(await time(gpu, opTestOf(op), testCase, wrt, { variant, quick })));
    keep(results);
  }
  return { ceilings, kernels };
}

function gradientInputs({ op, reference, wrt }: OpTest, { inputs }: Case<unknown>): number[] {
  if (!op.gradient || !reference.backward) return [];
  return inputs.flatMap((input, i) =>
    input && (input.dtype ?? 'f32') === 'f32' && (wrt?.includes(i) ?? true) ? [i] : [],
  );
}

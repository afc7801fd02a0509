// npm run bench -- kernels: every operator's cases in each variant and the model's own shapes, forward and backward; a
// wrong result is never timed.
import type { Gpu } from '../src/gpu/gpu.ts';
import { createGraph } from '../src/graph/graph.ts';
import { dispatchesOf } from '../src/graph/steps.ts';
import type { Case, OpTest } from '../src/kernels/op-test.ts';
import { opTestOf, opTests } from '../testing/op-tests.ts';
import { type Ceilings, type KernelResult, measureCeilings, time } from './kernel-time.ts';
import { verify, verifyModelCase } from './kernel-verify.ts';
import { type ModelCase, modelCases } from './model-cases.ts';

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

export interface BenchOptions {
  /** Only operators and cases whose "operator/case" contains this. */
  readonly filter: string;
  readonly quick: boolean;
  readonly shapes: 'cases' | 'model' | 'all';
  /** The model's own shapes in each variant, too. */
  readonly variants?: boolean;
  readonly onProgress?: (name: string, done: number, total: number) => void;
  /** Told of all kernels so far as each is known: a GPU that is lent may be gone before the last. */
  readonly onResult?: (latest: readonly KernelResult[], all: KernelTimes) => void | Promise<void>;
}

export interface KernelTimes {
  readonly ceilings: Ceilings;
  readonly kernels: readonly KernelResult[];
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

export async function benchKernels(gpu: Gpu, options: BenchOptions): Promise<KernelTimes> {
  const { quick, variants = false, onProgress, onResult } = options;
  const { fromTests, fromModel, total } = select(gpu, options);
  const ceilings = await measureCeilings(gpu, quick);
  const kernels: KernelResult[] = [];
  let done = 0;
  const keep = async (results: Awaited<ReturnType<typeof time>>) => {
    const latest = results.map((r) => ({
      ...r,
      ofArithmetic: r.gflops / ceilings.gflops,
      ofBandwidth: r.gigabytes / ceilings.gigabytes,
    }));
    kernels.push(...latest);
    done += 1;
    await onResult?.(latest, { ceilings, kernels });
    onProgress?.(`${results[0]!.op}/${results[0]!.case}`, done, total);
  };
  for (const { opTest, testCase, variant } of fromTests) {
    await verify(gpu, opTest, testCase, variant);
    await keep(await time(gpu, opTest, testCase, { wrt: gradientInputs(opTest, testCase), variant, quick }));
  }
  for (const modelCase of fromModel) {
    const { op, testCase, wrt } = modelCase;
    const each = variants ? distinctVariants(gpu, modelCase) : [undefined];
    await verifyModelCase(gpu, modelCase, each);
    const results: Awaited<ReturnType<typeof time>> = [];
    for (const variant of each)
      results.push(...(await time(gpu, opTestOf(op), testCase, { wrt, variant, quick })));
    await keep(results);
  }
  return { ceilings, kernels };
}

function gradientInputs({ op, reference, wrt }: OpTest, { inputs }: Case<unknown>): number[] {
  if (!op.gradient || !reference.backward) return [];
  return inputs.flatMap((input, i) =>
    input && (input.dtype ?? 'f32') === 'f32' && (wrt?.includes(i) ?? true) ? [i] : [],
  );
}

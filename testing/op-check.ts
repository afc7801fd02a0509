// Runs one case of an operator's test on the device, forward and backward, against its float64 reference.

import { encodeHalf, floatToHalf, halfToFloat } from '../src/formats/half.ts';
import type { Gpu } from '../src/gpu/gpu.ts';
import { compile } from '../src/graph/executor.ts';
import { gradient } from '../src/graph/gradient.ts';
import { createGraph } from '../src/graph/graph.ts';
import { dispatchesOf } from '../src/graph/steps.ts';
import { add, multiply } from '../src/kernels/elementwise/elementwise.ts';
import type { Case, CaseInput, OpTest, RefTensor } from '../src/kernels/op-test.ts';
import { packRows, quantizeRows } from '../src/kernels/q8.ts';
import { sumAll } from '../src/kernels/reduce/reduce.ts';
import { elements, type Tensor } from '../src/kernels/tensor.ts';

/** Deterministic numbers for a case (mulberry32, Box-Muller). */
export function numbers(seed: number): { random: () => number; normal: () => number } {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return { random, normal };
}

/** Values as the device will see them: rounded to the operand's type. */
export function makeInput(input: CaseInput, seed: number): RefTensor {
  const { random, normal } = numbers(seed);
  const round = {
    f32: Math.fround,
    f16: (x: number) => halfToFloat(floatToHalf(x)),
    q8: Math.fround,
    i32: Math.trunc,
    u8: Math.trunc,
  }[input.dtype ?? 'f32'];
  // A loop: the benchmarks make millions of elements, on which Float64Array.from takes seconds.
  const data = new Float64Array(elements(input.shape));
  for (let i = 0; i < data.length; i += 1) data[i] = round(input.values?.(i, random, normal) ?? normal());
  if (input.dtype !== 'q8') return { shape: input.shape, data };
  const { integers, scales } = quantizeRows(Float32Array.from(data), input.shape[0]!);
  const columns = data.length / scales.length;
  return { shape: input.shape, data: data.map((_, i) => integers[i]! * scales[Math.floor(i / columns)]!) };
}

export function toHost({ dtype, shape }: CaseInput, data: Float64Array) {
  if (dtype === 'q8') return packRows(shape, quantizeRows(Float32Array.from(data), shape[0]!));
  if (dtype === 'i32') return Int32Array.from(data);
  if (dtype === 'u8') return Uint8Array.from(data);
  if (dtype === 'f16') return encodeHalf(new Float32Array(data));
  return new Float32Array(data);
}

export interface Comparison {
  readonly what: string;
  /** Largest error and largest finite magnitude of the reference. */
  readonly error: number;
  readonly scale: number;
}

/** Largest |got - want|; NaN anywhere counts as infinite, unless the reference has it too. */
export function compare(what: string, got: ArrayLike<number>, want: ArrayLike<number>): Comparison {
  if (got.length !== want.length)
    throw new Error(`${what}: expected ${want.length} elements, found ${got.length}`);
  let error = 0;
  let scale = 0;
  for (let i = 0; i < want.length; i += 1) {
    const difference = Object.is(got[i], want[i]) ? 0 : Math.abs(got[i]! - want[i]!);
    error = Math.max(error, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
    if (Number.isFinite(want[i])) scale = Math.max(scale, Math.abs(want[i]!));
  }
  return { what, error, scale };
}

/** What a case is and what it must come to, by its definition in float64. */
interface Defined {
  readonly values: readonly (RefTensor | undefined)[];
  readonly expected: readonly RefTensor[];
  /** Inputs whose gradients are wanted. */
  readonly wrt: readonly number[];
  /** The random weights of each output in the loss; undefined: it is not differentiable. */
  readonly weights: readonly (Float32Array | undefined)[];
  readonly gradients: readonly (RefTensor | undefined)[];
}

let latest: { readonly reference: object; readonly testCase: object; readonly defined: Defined } | undefined;

/** Kept for the next variant of the same case: float64 takes longer than the device. */
function definitionOf(opTest: OpTest, testCase: Case<unknown>): Defined {
  const { reference } = opTest;
  if (latest?.reference === reference && latest.testCase === testCase) return latest.defined;
  const values = testCase.inputs.map((input, i) => input && makeInput(input, 1000 * i + 17));
  const expected = reference.forward(testCase.attrs, values);
  const float = testCase.inputs.flatMap((input, i) => (input && (input.dtype ?? 'f32') === 'f32' ? [i] : []));
  const wrt = reference.backward ? (opTest.wrt ?? float).filter((i) => testCase.inputs[i]) : [];
  const differentiable = wrt.length > 0 ? (opTest.differentiable ?? [0]) : [];
  const weights = expected.map(({ data }, k) => {
    if (!differentiable.includes(k)) return undefined;
    const { normal } = numbers(99 + k);
    return Float32Array.from({ length: data.length }, normal);
  });
  const upstream = weights.map((each, k): RefTensor | undefined =>
    each ? { shape: expected[k]!.shape, data: Float64Array.from(each) } : undefined,
  );
  const all = wrt.length > 0 ? reference.backward!(testCase.attrs, values, upstream) : [];
  const defined = { values, expected, wrt, weights, gradients: wrt.map((i) => all[i]) };
  latest = { reference, testCase, defined };
  return defined;
}

/**
 * Builds leaf -> op -> product with random weights -> sum, so that the operator stands in the middle of a graph: its
 * inputs pass through an addition first and its upstream gradient is not constant. Every buffer is surrounded by
 * sentinels. @returns one comparison per output and per gradient.
 */
export async function checkCase(
  gpu: Gpu,
  opTest: OpTest,
  testCase: Case<unknown>,
  variant?: string,
): Promise<Comparison[]> {
  const { op, reference } = opTest;
  if (variant && !op.variants?.(gpu.capabilities).includes(variant))
    throw new Error(`${op.name}: this adapter has no variant ${variant}`);
  const { values, expected, wrt, weights, gradients: wanted } = definitionOf(opTest, testCase);
  const graph = createGraph();
  const feeds: Record<string, ReturnType<typeof toHost>> = {};
  const leaves = testCase.inputs.map((input, i): Tensor | undefined => {
    if (!input) return undefined;
    const dtype = input.dtype ?? 'f32';
    feeds[`in${i}`] = toHost(input, values[i]!.data);
    return graph.input(`in${i}`, { shape: input.shape, dtype });
  });
  const zero = graph.constant('zero', new Float32Array(1), [1]);
  const inputs = leaves.map((t, i) => (t && wrt.includes(i) && t.shape.length > 0 ? add(graph, t, zero) : t));
  const outputs = graph.apply(op, testCase.attrs, inputs);

  const read: Record<string, Tensor> = {};
  const checks: { name: string; what: string; want: Float64Array }[] = [];
  expected.forEach((want, k) => {
    read[`out${k}`] = outputs[k]!;
    checks.push({ name: `out${k}`, what: `output ${k}`, want: want.data });
  });

  if (wrt.length > 0) {
    let loss: Tensor | undefined;
    weights.forEach((each, k) => {
      if (!each) return;
      const term = sumAll(
        graph,
        multiply(graph, outputs[k]!, graph.constant(`weights ${k}`, each, outputs[k]!.shape)),
      );
      loss = loss ? add(graph, loss, term) : term;
    });
    const gradients = gradient(
      graph,
      loss!,
      wrt.map((i) => leaves[i]!),
    );
    wrt.forEach((i, k) => {
      const found = gradients[k];
      const want = wanted[k];
      if (!want) return;
      if (!found) throw new Error(`${op.name}/${testCase.name}: no gradient for input ${i}`);
      read[`grad${i}`] = found;
      checks.push({ name: `grad${i}`, what: `gradient of input ${i}`, want: want.data });
    });
  }

  // The gradient's nodes are `<op>_...`: the variant is forced on those that have it, too.
  const forced = (name: string) => name === op.name || name.startsWith(`${op.name}_`);
  const run = async () => {
    const executable = await compile(gpu, graph, read, {
      guards: true,
      ...(variant
        ? {
            variants: Object.fromEntries(
              graph.nodes.flatMap(({ op: { name } }) => (forced(name) ? [[name, variant]] : [])),
            ),
          }
        : {}),
    });
    try {
      const got = await executable.run(feeds, Object.keys(read));
      return checks.map(({ name, what, want }) => compare(what, got[name]!, want));
    } finally {
      executable.dispose();
    }
  };
  // An operator's own choice is one of its variants: what gives a device the same work is run once.
  const work = graph.nodes.flatMap((node) =>
    dispatchesOf(gpu, node, variant && forced(node.op.name) ? variant : undefined).map(({ dispatch }) => ({
      shader: dispatch.shader.path,
      overrides: dispatch.overrides,
      uniforms: dispatch.uniforms,
      workgroups: dispatch.workgroups,
      bindings: Object.entries(dispatch.bindings).map(([name, tensor]) => [name, tensor?.storage]),
    })),
  );
  const done = runsOf(gpu.device, reference, testCase);
  const key = JSON.stringify(work);
  const result = done.get(key) ?? run();
  done.set(key, result);
  return result;
}

type Runs = Map<string, Promise<Comparison[]>>;
const runs = new WeakMap<GPUDevice, WeakMap<object, WeakMap<object, Runs>>>();

/** What was compared for a case with a reference on a device, by the work that the device was given. */
function runsOf(device: GPUDevice, reference: object, testCase: object): Runs {
  const ofDevice = runs.get(device) ?? new WeakMap<object, WeakMap<object, Runs>>();
  runs.set(device, ofDevice);
  const ofReference = ofDevice.get(reference) ?? new WeakMap<object, Runs>();
  ofDevice.set(reference, ofReference);
  const ofCase: Runs = ofReference.get(testCase) ?? new Map();
  ofReference.set(testCase, ofCase);
  return ofCase;
}

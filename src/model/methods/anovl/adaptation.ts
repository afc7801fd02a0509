// AnoVL's adaptation at test time: five steps of AdamW on an adapter that begins anew with every image, its targets its
// own predictions.
//
//   r0 = r(h), r1 = r(h + noise)
//   soft = mean over patches of sum_c -r0_c ln r0_c;   hard = mean over patches of -ln r1_a - ln r0_n
//   loss = soft + hard / 2
//
// The published code keeps the optimizer's moments from one image to the next, so that results depend on their order;
// here they begin anew, too.
import { createRandom, deriveSeed } from '../../../base/random.ts';
import { createDeviceTensor, type DeviceTensor, writeDeviceTensor } from '../../../graph/device-tensor.ts';
import { compile } from '../../../graph/executor.ts';
import { gradient } from '../../../graph/gradient.ts';
import { adamw, adamwSchedule } from '../../../kernels/adamw/adamw.ts';
import { crossEntropy } from '../../../kernels/cross_entropy/cross_entropy.ts';
import { add, affine, multiply, subtract } from '../../../kernels/elementwise/elementwise.ts';
import { reduce } from '../../../kernels/reduce/reduce.ts';
import { softmax } from '../../../kernels/softmax/softmax.ts';
import { f32, type Tensor } from '../../../kernels/tensor.ts';
import { featureShapes } from '../../clip/needs.ts';
import { type Context, createModelGraph } from '../../context.ts';
import { checkDetection } from '../../faprompt/verdict.ts';
import type { Scorer, ScorerTarget } from '../../scorer.ts';
import { type Adapter, adaptedCosines, anovlMap, directionOf, viewScore } from './forward.ts';
import type { AnovlOptions } from './options.ts';

/** PyTorch's defaults. */
export const anovlAdamw = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.01 } as const;

/** Shapes of the adapter. @param rows texts */
export const adapterShapes = (rows: number, embed: number): Map<string, readonly number[]> =>
  new Map([
    ['ad.weight', [rows, embed]],
    ['ad.bias', [rows]],
  ]);

/** Loss terms of one step. @param tokens [n, E] @param noise [n, E] */
export function anovlLosses(context: Context, tokens: Tensor, noise: Tensor, adapter: Adapter) {
  const { graph, record } = context;
  const n = tokens.shape[0]!;
  const l0 = adaptedCosines(context, tokens, adapter);
  const l1 = adaptedCosines(context, add(graph, tokens, noise), adapter);
  const r0 = record('r0', softmax(graph, l0, { axis: 1 }));
  record('r1', softmax(graph, l1, { axis: 1 }));
  const all = (label: number) => graph.constant(`class ${label}`, new Int32Array(n).fill(label), [n]);
  const normal = crossEntropy(graph, l0, all(0));
  // The entropy of softmax(l0): -ln r0_n, and l0_n - sum_c r0_c l0_c more.
  const first = graph.constant('first', Float32Array.of(1, 0), [1, 2]);
  const expected = multiply(graph, subtract(graph, first, r0), l0);
  const more = affine(graph, reduce(graph, graph.view(expected, [2 * n]), { kind: 'sum', axis: 0 }), 1 / n);
  const soft = add(graph, normal, graph.view(more, normal.shape));
  const hard = add(graph, crossEntropy(graph, l1, all(1)), normal);
  return { soft, hard, total: add(graph, soft, affine(graph, hard, 0.5)) };
}

/** Seeded N(0, sd^2), and U(-1 / sqrt(E), 1 / sqrt(E)) for the adapter. */
function randomValues({ steps, noise, seed }: AnovlOptions, rows: number, count: number, embed: number) {
  const of = (name: string) => createRandom(deriveSeed(seed, 'anovl', name));
  const uniform = (name: string, length: number) => {
    const random = of(name);
    return Float32Array.from({ length }, () => (2 * random.next() - 1) * embed ** -0.5);
  };
  const normal = of('noise');
  return {
    initial: new Map([
      ['ad.weight', uniform('weight', rows * embed)],
      ['ad.bias', uniform('bias', rows)],
    ]),
    noise: Array.from({ length: steps }, () =>
      Float32Array.from({ length: count * embed }, () => noise * normal.normal()),
    ),
  };
}

/** What the adapter reads of the texts of a class. */
export interface AnovlTextValues {
  readonly rows: Float32Array;
  readonly prototypes: Float32Array;
}

/**
 * Compiles the adaptation and the score behind it for one class; every image begins with the same adapter and noise, so
 * that its result does not depend on the images before.
 * @throws GpuError
 */
export async function createAnovlScorer(
  { gpu, clip, size, needs }: ScorerTarget,
  texts: AnovlTextValues,
  options: AnovlOptions,
): Promise<Scorer> {
  const { embedDim } = clip.config;
  const shapes = featureShapes(needs, clip.config, size);
  const [n] = shapes.get('patches')! as [number, number];
  const rows = texts.rows.length / embedDim;
  const random = randomValues(options, rows, n, embedDim);
  const own: DeviceTensor[] = [];
  const device = (name: string, shape: readonly number[], values?: Float32Array) => {
    const tensor = createDeviceTensor(gpu, name, f32(...shape), values);
    own.push(tensor);
    return tensor;
  };
  const learnables = adapterShapes(rows, embedDim);
  const state = new Map<string, DeviceTensor>();
  for (const [name, shape] of learnables)
    for (const part of ['', 'm/', 'v/']) state.set(part + name, device(part + name, shape));
  const rowsTensor = device('rows', [rows, embedDim], texts.rows);
  const bound = (parameters: ReadonlyMap<Tensor, DeviceTensor>) =>
    new Map([...parameters].map(([tensor, value]) => [tensor.storage, value]));

  /** The adapter in a graph, and its tensors on the device. */
  const adapterIn = (context: Context) => {
    const parameters = new Map<Tensor, DeviceTensor>();
    const parameter = (name: string, value: DeviceTensor) => {
      const tensor = context.graph.parameter(name, value);
      parameters.set(tensor, value);
      return tensor;
    };
    const adapter: Adapter = {
      weight: parameter('ad.weight', state.get('ad.weight')!),
      bias: parameter('ad.bias', state.get('ad.bias')!),
      rows: parameter('rows', rowsTensor),
      direction: context.graph.constant('direction', directionOf(texts.prototypes), [1, embedDim]),
    };
    return { adapter, parameters, parameter };
  };

  const step = createModelGraph(clip.weightSpec, { training: true });
  const stepAdapter = adapterIn(step);
  const tokens = step.graph.input('patches', f32(n, embedDim));
  const noise = step.graph.input('noise', f32(n, embedDim));
  const schedule = step.graph.input('schedule', f32(3));
  const { total } = anovlLosses(step, tokens, noise, stepAdapter.adapter);
  const learned = [stepAdapter.adapter.weight, stepAdapter.adapter.bias];
  for (const [i, derivative] of gradient(step.graph, total, learned).entries()) {
    const name = ['ad.weight', 'ad.bias'][i]!;
    const m = stepAdapter.parameter(`m/${name}`, state.get(`m/${name}`)!);
    const v = stepAdapter.parameter(`v/${name}`, state.get(`v/${name}`)!);
    adamw(step.graph, { parameter: learned[i]!, gradient: derivative!, m, v, schedule }, anovlAdamw);
  }
  const adapt = await compile(gpu, step.graph, { total }, { parameters: bound(stepAdapter.parameters) });

  const detect = createModelGraph(clip.weightSpec);
  const found = adapterIn(detect);
  const h = detect.graph.input('patches', f32(n, embedDim));
  const views = detect.graph.input('views', f32(1, ...shapes.get('views')!));
  const { map } = anovlMap(detect, adaptedCosines(detect, h, found.adapter), size);
  const prototypes = detect.graph.constant('prototypes', texts.prototypes, [1, 2, embedDim]);
  const { score } = viewScore(detect, views, prototypes);
  const executable = await compile(
    gpu,
    detect.graph,
    { map, score },
    { parameters: bound(found.parameters) },
  );
  const zeros = new Map(
    [...learnables].map(([name, shape]) => [name, new Float32Array(shape.reduce((a, b) => a * b, 1))]),
  );

  return {
    executable,
    async score(features, image, run) {
      for (const [name, values] of random.initial) {
        writeDeviceTensor(gpu, state.get(name)!, values);
        for (const part of ['m/', 'v/']) writeDeviceTensor(gpu, state.get(part + name)!, zeros.get(name)!);
      }
      for (const [i, values] of random.noise.entries()) {
        run?.signal?.throwIfAborted();
        const rates = { lr: options.learningRate, ...anovlAdamw };
        await adapt.run({ patches: features.patches!, noise: values, schedule: adamwSchedule(rates, i + 1) });
      }
      const feeds = { patches: features.patches!, views: features.views! };
      const result = await executable.run(feeds, ['map', 'score'], run);
      return checkDetection({ score: result.score![0]!, map: result.map as Float32Array }, image);
    },
    dispose() {
      adapt.dispose();
      executable.dispose();
      for (const { buffer } of own) gpu.memory.free(buffer);
    },
  };
}

// One training step as one graph: the method's forward and losses, gradients, its optimizer.

import type { Gpu } from '../gpu/gpu.ts';
import {
  createPackedTensors,
  type DeviceTensor,
  packedPlaces,
  readDeviceTensor,
} from '../graph/device-tensor.ts';
import { compile, type Executable } from '../graph/executor.ts';
import { gradient } from '../graph/gradient.ts';
import { type Place, type Plan, plan } from '../graph/plan.ts';
import { elements, f32, type Tensor } from '../kernels/tensor.ts';
import { fapromptNeeds, type ImageNeeds } from '../model/clip/needs.ts';
import { bindWeights, type Clip } from '../model/clip/weights.ts';
import { createModelGraph, type ModelGraph } from '../model/context.ts';
import type { Losses } from '../model/faprompt/losses.ts';
import type { PromptEncoderOptions } from '../model/faprompt/prompts.ts';
import type { FapromptModel } from '../model/faprompt/templates.ts';
import { fapromptLearner } from '../model/methods/faprompt/faprompt.ts';
import type { Learner } from '../model/methods/method.ts';
import { adamOptimizer, type Optimizer } from '../model/methods/optimizer.ts';
import { featureInputs } from '../model/scorer.ts';

/**
 * Learnables and the optimizer's moments on the device, by name: shared by the steps of different batch sizes. SGD has
 * no `v`.
 */
export interface TrainingState {
  readonly parameters: ReadonlyMap<string, DeviceTensor>;
  readonly m: ReadonlyMap<string, DeviceTensor>;
  readonly v: ReadonlyMap<string, DeviceTensor>;
  dispose(): void;
}

/** The state's values on the host. */
export interface HostState {
  readonly parameters: ReadonlyMap<string, Float32Array>;
  readonly m: ReadonlyMap<string, Float32Array>;
  readonly v: ReadonlyMap<string, Float32Array>;
}

const parts = ['parameters', 'm', 'v'] as const;

export function createTrainingState(
  gpu: Gpu,
  shapes: ReadonlyMap<string, readonly number[]>,
  values: { readonly parameters: ReadonlyMap<string, Float32Array> } & Partial<HostState>,
  moments: readonly ('m' | 'v')[] = ['m', 'v'],
): TrainingState {
  const none: ReadonlyMap<string, DeviceTensor> = new Map();
  const made = { parameters: none, m: none, v: none };
  const dispose = () => {
    const buffers = parts.flatMap((part) => [...made[part].values()].map(({ buffer }) => buffer));
    for (const buffer of new Set(buffers)) gpu.memory.free(buffer);
  };
  const specs = new Map([...shapes].map(([name, shape]) => [name, f32(...shape)]));
  try {
    for (const part of parts)
      if (part === 'parameters' || moments.includes(part))
        made[part] = createPackedTensors(gpu, part, specs, (name) => values[part]?.get(name));
    return { ...made, dispose };
  } catch (error) {
    dispose(); // what fitted before the one that did not
    throw error;
  }
}

export async function readTrainingState(gpu: Gpu, state: TrainingState): Promise<HostState> {
  const read = async (tensors: ReadonlyMap<string, DeviceTensor>) => {
    const values = new Map<string, Float32Array>();
    for (const [name, tensor] of tensors)
      values.set(name, (await readDeviceTensor(gpu, tensor)) as Float32Array);
    return values;
  };
  return { parameters: await read(state.parameters), m: await read(state.m), v: await read(state.v) };
}

export interface StepGraph {
  readonly model: ModelGraph;
  /** All that the loss may read, trained in this phase or not. */
  readonly learnables: ReadonlyMap<string, Tensor>;
  readonly losses: Losses;
  /** d total / d learnable, by name. */
  readonly gradients: ReadonlyMap<string, Tensor>;
  /** The optimizer's state of each learnable that has a gradient. */
  readonly moments: ReadonlyMap<string, Readonly<Partial<Record<'m' | 'v', Tensor>>>>;
  /** d total / d recorded intermediate, by name, if asked for. */
  readonly intermediates: ReadonlyMap<string, Tensor>;
}

export interface StepOptions {
  readonly optimizer?: Optimizer;
  /** Keep the gradients of every recorded intermediate (tests against the reference). */
  readonly intermediates?: boolean;
  /** Of the training, from 0. */
  readonly phase?: number;
}

export interface StepGraphOptions extends PromptEncoderOptions, StepOptions {
  /** Compute the loss terms that the options leave out as well. */
  readonly allLosses?: boolean;
}

export interface StepSizes {
  /** Images of a step. */
  readonly batch: number;
  /** Side of images and maps in pixels. */
  readonly size: number;
}

type Sizes = Pick<Clip, 'config' | 'weightSpec'>;

/** FAPrompt's step. @see buildStep */
export const buildStepGraph = (
  clip: Sizes,
  faprompt: FapromptModel,
  { batch, size }: StepSizes,
  { optimizer, intermediates, ...options }: StepGraphOptions = {},
): StepGraph =>
  buildStep(
    clip,
    { learner: fapromptLearner(faprompt, size, options), needs: fapromptNeeds(0) },
    { batch, size },
    { ...(optimizer ? { optimizer } : {}), ...(intermediates ? { intermediates } : {}) },
  );

/**
 * Inputs: features by the names of `featureShapes`, each [B, ...], `masks` [B, S, S] of bytes, `classes` [B] i32, `labels` [B]
 * f32, `schedule` (of the optimizer), and what the learner feeds itself.
 * @param needs what the features are; of FAPrompt's, how many blocks have the V-V stream makes no difference here
 */
export function buildStep(
  clip: Sizes,
  { learner, needs }: { readonly learner: Learner; readonly needs: ImageNeeds },
  { batch, size }: StepSizes,
  { optimizer = adamOptimizer(), intermediates: wanted = false, phase = 0 }: StepOptions = {},
): StepGraph {
  const model = createModelGraph(clip.weightSpec, { training: true });
  const { graph } = model;
  const features = featureInputs(model, { clip, size, needs }, batch);
  const targets = {
    masks: graph.input('masks', { shape: [batch, size, size], dtype: 'u8' }),
    classes: graph.input('classes', { shape: [batch], dtype: 'i32' }),
    labels: graph.input('labels', f32(batch)),
  };
  const schedule = graph.input('schedule', f32(optimizer.scheduleLength));
  const { learnables, losses, fixed = learnables } = learner.build(model, features, targets, phase);
  const own = [...learnables];
  const recorded = wanted ? [...model.records].filter(([, { dtype }]) => dtype === 'f32') : [];
  const found = gradient(
    graph,
    losses.total,
    [...own, ...recorded].map(([, tensor]) => tensor),
  );
  const intermediates = new Map(
    recorded.flatMap(([name], i) => {
      const derivative = found[own.length + i];
      return derivative ? [[name, derivative] as const] : [];
    }),
  );
  const gradients = new Map<string, Tensor>();
  const moments = new Map<string, Partial<Record<'m' | 'v', Tensor>>>();
  own.forEach(([name, parameter], i) => {
    const derivative = found[i];
    if (!derivative) return; // nothing of the loss depends on it with these options
    gradients.set(name, derivative);
    const state = Object.fromEntries(
      optimizer.moments.map((part) => [part, graph.parameter(`${part}/${name}`, parameter)]),
    );
    moments.set(name, state);
    optimizer.update(graph, { name, parameter, gradient: derivative, moments: state, schedule });
  });
  return { model, learnables: fixed, losses, gradients, moments, intermediates };
}

/** Names of the inputs that a compiled step reads: a method without a map's loss has no use for masks. */
export const stepInputs = ({ plan }: Executable): Set<string> =>
  new Set(plan.leaves.inputs.map((storage) => plan.graph.leaves.get(storage)!.name));

/** Device tensors for the step graph's parameters. */
export function bindStep(
  clip: Pick<Clip, 'tensors'>,
  step: StepGraph,
  state: TrainingState,
): Map<number, DeviceTensor> {
  const bound = bindWeights(clip, step.model.weights);
  for (const [name, { storage }] of step.learnables) bound.set(storage, state.parameters.get(name)!);
  for (const [name, moments] of step.moments)
    for (const [part, { storage }] of Object.entries(moments) as ['m' | 'v', Tensor][])
      bound.set(storage, state[part].get(name)!);
  return bound;
}

/** How a step is planned: prompts that go through the same layers go through them together. */
const arrangement = { batch: true } as const;

/** What compileStep will run, with a state as createTrainingState makes it. */
export function planStep({ model, losses, learnables, moments }: StepGraph): Plan {
  const packed = new Map<number, Place>();
  parts.forEach((part, i) => {
    for (const [name, { pack, offset }] of packedPlaces(learnables)) {
      const tensor = part === 'parameters' ? learnables.get(name) : moments.get(name)?.[part];
      if (tensor) packed.set(tensor.storage, { storage: parts.length * pack + i, offset });
    }
  });
  return plan(model.graph, losses, { ...arrangement, packed });
}

/** The executable of a step; its outputs are the loss terms. */
export async function compileStep(
  gpu: Gpu,
  clip: Pick<Clip, 'tensors'>,
  step: StepGraph,
  state: TrainingState,
): Promise<Executable> {
  return compile(gpu, step.model.graph, step.losses, {
    parameters: bindStep(clip, step, state),
    ...arrangement,
  });
}

/** Elements of all learnable tensors. */
export const countLearnables = (shapes: ReadonlyMap<string, readonly number[]>): number =>
  [...shapes.values()].reduce((sum, shape) => sum + elements(shape), 0);

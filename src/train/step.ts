// One training step as one graph: forward, losses, gradients, Adam.
import type { Gpu } from '../gpu/gpu.ts';
import { createDeviceTensor, type DeviceTensor, readDeviceTensor } from '../graph/device-tensor.ts';
import { compile, type Executable } from '../graph/executor.ts';
import { gradient } from '../graph/gradient.ts';
import { adam } from '../kernels/adam/adam.ts';
import { elements, f32, type Tensor } from '../kernels/tensor.ts';
import { bindWeights, type Clip } from '../model/clip/weights.ts';
import { createModelGraph, type ModelGraph } from '../model/context.ts';
import { type FapromptModel, type Forward, forward } from '../model/faprompt/forward.ts';
import { type Losses, losses } from '../model/faprompt/losses.ts';
import type { PromptEncoderOptions } from '../model/faprompt/prompts.ts';

export interface AdamOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}
/** The published code's optimizer: Adam with betas (0.5, 0.999). */
export const publishedAdam: AdamOptions = { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };

/** Learnables and Adam's moments on the device, by name: shared by the steps of different batch sizes. */
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
): TrainingState {
  const made = {
    parameters: new Map<string, DeviceTensor>(),
    m: new Map<string, DeviceTensor>(),
    v: new Map<string, DeviceTensor>(),
  };
  const dispose = () => {
    for (const part of parts) for (const { buffer } of made[part].values()) gpu.memory.free(buffer);
  };
  try {
    for (const part of parts)
      for (const [name, shape] of shapes)
        made[part].set(
          name,
          createDeviceTensor(gpu, `${part}/${name}`, f32(...shape), values[part]?.get(name)),
        );
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
  readonly result: Forward;
  readonly losses: Losses;
  /** d total / d learnable, by name. */
  readonly gradients: ReadonlyMap<string, Tensor>;
  readonly moments: ReadonlyMap<string, { readonly m: Tensor; readonly v: Tensor }>;
  /** d total / d recorded intermediate, by name, if asked for. */
  readonly intermediates: ReadonlyMap<string, Tensor>;
}

export interface StepGraphOptions extends PromptEncoderOptions {
  readonly adam?: AdamOptions;
  /** Compute the loss terms that the options leave out as well. */
  readonly allLosses?: boolean;
  /** Keep the gradients of every recorded intermediate (tests against the reference). */
  readonly intermediates?: boolean;
}

/**
 * Inputs: `image` [B, E] and `patches` [B, n, E] (unit features), `masks` [B, S, S], `classes` [B] i32, `labels` [B]
 * f32, `schedule` (adamSchedule).
 */
export function buildStepGraph(
  clip: Pick<Clip, 'config' | 'weightSpec'>,
  faprompt: FapromptModel,
  batch: number,
  size: number,
  options: StepGraphOptions = {},
): StepGraph {
  const { embedDim, patch } = clip.config;
  const model = createModelGraph(clip.weightSpec, { training: true });
  const { graph } = model;
  const features = {
    image: graph.input('image', f32(batch, embedDim)),
    patches: graph.input('patches', f32(batch, (size / patch) ** 2, embedDim)),
  };
  const targets = {
    masks: graph.input('masks', f32(batch, size, size)),
    classes: graph.input('classes', { shape: [batch], dtype: 'i32' }),
    labels: graph.input('labels', f32(batch)),
  };
  const schedule = graph.input('schedule', f32(2));
  const result = forward(model, faprompt, features, size, options);
  const terms = losses(model, result, targets, faprompt.options, options.allLosses);
  const learnables = [...result.learnables.all];
  const recorded = options.intermediates ? [...model.records].filter(([, { dtype }]) => dtype === 'f32') : [];
  const found = gradient(
    graph,
    terms.total,
    [...learnables, ...recorded].map(([, tensor]) => tensor),
  );
  const intermediates = new Map(
    recorded.flatMap(([name], i) => {
      const derivative = found[learnables.length + i];
      return derivative ? [[name, derivative] as const] : [];
    }),
  );
  const gradients = new Map<string, Tensor>();
  const moments = new Map<string, { m: Tensor; v: Tensor }>();
  learnables.forEach(([name, parameter], i) => {
    const derivative = found[i];
    if (!derivative) return; // nothing of the loss depends on it with these options
    gradients.set(name, derivative);
    const m = graph.parameter(`m/${name}`, parameter);
    const v = graph.parameter(`v/${name}`, parameter);
    moments.set(name, { m, v });
    adam(graph, { parameter, gradient: derivative, m, v, schedule }, options.adam ?? publishedAdam);
  });
  return { model, result, losses: terms, gradients, moments, intermediates };
}

/** Device tensors for the step graph's parameters. */
export function bindStep(
  clip: Pick<Clip, 'tensors'>,
  step: StepGraph,
  state: TrainingState,
): Map<number, DeviceTensor> {
  const bound = bindWeights(clip, step.model.weights);
  for (const [name, { storage }] of step.result.learnables.all)
    bound.set(storage, state.parameters.get(name)!);
  for (const [name, { m, v }] of step.moments) {
    bound.set(m.storage, state.m.get(name)!);
    bound.set(v.storage, state.v.get(name)!);
  }
  return bound;
}

/** The executable of a step; its outputs are the loss terms. */
export async function compileStep(
  gpu: Gpu,
  clip: Pick<Clip, 'tensors'>,
  step: StepGraph,
  state: TrainingState,
): Promise<Executable> {
  return compile(gpu, step.model.graph, step.losses, { parameters: bindStep(clip, step, state) });
}

/** Elements of all learnable tensors. */
export const countLearnables = (shapes: ReadonlyMap<string, readonly number[]>): number =>
  [...shapes.values()].reduce((sum, shape) => sum + elements(shape), 0);

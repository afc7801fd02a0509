// One step of pretraining as one graph: both towers, losses, gradients of every weight, AdamW.
import type { Gpu } from '../../gpu/gpu.ts';
import type { DeviceTensor } from '../../graph/device-tensor.ts';
import { compile, type Executable } from '../../graph/executor.ts';
import { gradient } from '../../graph/gradient.ts';
import { adamw } from '../../kernels/adamw/adamw.ts';
import { f32, type Tensor } from '../../kernels/tensor.ts';
import { type ClipConfig, clipTensorShapes } from '../../model/clip/config.ts';
import { largestLogitScale } from '../../model/clip/initial.ts';
import { createModelGraph, type ModelGraph } from '../../model/context.ts';
import type { TrainingState } from '../step.ts';
import { type PretrainLosses, pretrainLosses } from './objective.ts';
import type { PretrainSettings } from './settings.ts';

export interface PretrainStep {
  readonly model: ModelGraph;
  readonly losses: PretrainLosses;
  /** d total / d weight, by name: every weight of both towers. */
  readonly gradients: ReadonlyMap<string, Tensor>;
  readonly moments: ReadonlyMap<string, { readonly m: Tensor; readonly v: Tensor }>;
}

/** Of the contrastive loss. AdamW bounds it. */
const temperature = 'logit_scale';

/** Weight decay is for matrices that multiply: not for biases, norms, embeddings, positions and the temperature. */
export const decays = (name: string, shape: readonly number[]): boolean =>
  shape.length > 1 && !name.includes('embedding');

/**
 * The weights in the order in which a training state should hold them: those that AdamW treats alike lie one behind the
 * other, so that one dispatch updates them all (graph/packing.ts).
 */
export function stateShapes(config: ClipConfig): Map<string, readonly number[]> {
  const group = (name: string, shape: readonly number[]) =>
    name === temperature ? 2 : decays(name, shape) ? 0 : 1;
  const shapes = [...clipTensorShapes(config)];
  return new Map(shapes.sort(([a, ofA], [b, ofB]) => group(a, ofA) - group(b, ofB)));
}

/** @throws Error if the loss does not depend on a weight */
export function buildPretrainStep(settings: PretrainSettings): PretrainStep {
  const { config, beta1, beta2, epsilon } = settings;
  const shapes = clipTensorShapes(config);
  const model = createModelGraph((name) => f32(...shapes.get(name)!), { training: true });
  const { graph } = model;
  const losses = pretrainLosses(model, settings);
  const schedule = graph.input('schedule', f32(3));
  const names = [...shapes.keys()];
  const found = gradient(
    graph,
    losses.total,
    names.map((name) => model.weight(name)),
  );
  const gradients = new Map<string, Tensor>();
  const moments = new Map<string, { m: Tensor; v: Tensor }>();
  for (const [i, name] of names.entries()) {
    const parameter = model.weight(name);
    const derivative = found[i];
    if (!derivative) throw new Error(`pretraining does not use the weight ${name}`);
    const m = graph.parameter(`m/${name}`, parameter);
    const v = graph.parameter(`v/${name}`, parameter);
    gradients.set(name, derivative);
    moments.set(name, { m, v });
    adamw(
      graph,
      { parameter, gradient: derivative, m, v, schedule },
      {
        beta1,
        beta2,
        epsilon,
        decay: decays(name, parameter.shape) ? settings.decay : 0,
        largest: name === temperature ? largestLogitScale : undefined,
      },
    );
  }
  return { model, losses, gradients, moments };
}

/** The step on `state`'s tensors; its outputs are the loss terms. */
export function compilePretrainStep(
  gpu: Gpu,
  { model, losses, moments }: PretrainStep,
  state: TrainingState,
): Promise<Executable> {
  const parameters = new Map<number, DeviceTensor>();
  for (const [name, { storage }] of model.weights) parameters.set(storage, state.parameters.get(name)!);
  for (const [name, { m, v }] of moments) {
    parameters.set(m.storage, state.m.get(name)!);
    parameters.set(v.storage, state.v.get(name)!);
  }
  return compile(gpu, model.graph, { ...losses }, { parameters });
}

// The learnable tensors, under the names of the published checkpoints.

import { WeightsError } from '../../formats/errors.ts';
import type { Graph } from '../../graph/graph.ts';
import { f32, type Shape, type Tensor } from '../../kernels/tensor.ts';
import type { ClipConfig } from '../clip/config.ts';
import type { FapromptOptions } from './options.ts';

/** Name -> shape of every learnable tensor, in a fixed order. */
export function learnableShapes(options: FapromptOptions, clip: ClipConfig): Map<string, Shape> {
  const { normalTokens, abnormalTokens, prompts, layerTokens, priorFrom, prior, aggregate } = options;
  const width = clip.textWidth;
  const shapes = new Map<string, Shape>([
    ['ctx_pos', [1, 1, normalTokens, width]],
    ['ctx_neg', [1, prompts, abnormalTokens, width]],
  ]);
  for (let i = 0; i < layerCount(options, clip); i += 1)
    shapes.set(`compound_prompts_text.${i}`, [layerTokens, width]);
  const inputs = clip.embedDim * (priorFrom === 'class' ? 1 : options.patches);
  const hidden = Math.floor(inputs / 16);
  const network = (name: string, outputs: number) => {
    shapes.set(`${name}.linear1.weight`, [hidden, inputs]);
    shapes.set(`${name}.linear1.bias`, [hidden]);
    shapes.set(`${name}.linear2.weight`, [outputs, hidden]);
    shapes.set(`${name}.linear2.bias`, [outputs]);
  };
  if (prior) network('patch_meta_net', width);
  if (aggregate === 'weighted') network('prompt_weight_net', prompts);
  return shapes;
}

/** Text blocks with learnable tokens of their own: 1 .. layerDepth - 1, as far as there are blocks. */
export const layerCount = ({ layerDepth }: FapromptOptions, { textLayers }: ClipConfig): number =>
  Math.max(0, Math.min(layerDepth, textLayers) - 1);

/** Initial values: N(0, 0.02^2) for tokens, PyTorch's default U(-1/sqrt(inputs), 1/sqrt(inputs)) for networks. */
export function initialLearnables(
  shapes: ReadonlyMap<string, Shape>,
  random: { next(): number; normal(): number },
): Map<string, Float32Array> {
  const values = new Map<string, Float32Array>();
  for (const [name, shape] of shapes) {
    const layer = /^\w+_net\.linear\d/.exec(name);
    const bound = layer ? shapes.get(`${layer[0]}.weight`)![1]! ** -0.5 : 0;
    const draw = layer ? () => bound * (2 * random.next() - 1) : () => 0.02 * random.normal();
    values.set(name, Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, draw));
  }
  return values;
}

/** The learnable tensors of a graph. */
export interface Learnables {
  readonly all: ReadonlyMap<string, Tensor>;
  get(name: string): Tensor;
  readonly layerTokens: readonly Tensor[];
}

export function learnableTensors(graph: Graph, options: FapromptOptions, clip: ClipConfig): Learnables {
  const all = new Map(
    [...learnableShapes(options, clip)].map(([name, shape]) => [name, graph.parameter(name, f32(...shape))]),
  );
  const get = (name: string) => {
    const tensor = all.get(name);
    if (!tensor) throw new Error(`no learnable tensor "${name}" with these options`);
    return tensor;
  };
  return {
    all,
    get,
    layerTokens: Array.from({ length: layerCount(options, clip) }, (_, i) =>
      get(`compound_prompts_text.${i}`),
    ),
  };
}

/** @throws WeightsError naming file and tensor unless `found` are exactly the learnable tensors of these options. */
export function checkLearnables(
  found: ReadonlyMap<string, { readonly shape: Shape }>,
  shapes: ReadonlyMap<string, Shape>,
  file: string,
): void {
  for (const [tensor, shape] of shapes) {
    const have = found.get(tensor);
    if (have?.shape.join() === shape.join()) continue;
    throw new WeightsError({
      file,
      tensor,
      expected: `shape [${shape}]`,
      found: have ? `[${have.shape}]` : 'no such tensor',
    });
  }
  for (const tensor of found.keys()) {
    if (!shapes.has(tensor))
      throw new WeightsError({
        file,
        tensor,
        expected: 'only the learnable tensors of these options',
        found: 'an unknown tensor',
      });
  }
}

// A CLIP of seeded random weights, made straight into GPU tensors: speed does not depend on what weights say.

import { encodeHalf } from '../src/formats/half.ts';
import type { Gpu } from '../src/gpu/gpu.ts';
import { createDeviceTensor, type DeviceTensor } from '../src/graph/device-tensor.ts';
import { elements } from '../src/kernels/tensor.ts';
import { knownClipConfigs, smallClipConfig } from '../src/model/clip/config.ts';
import { defaultImageSize } from '../src/model/clip/image-graph.ts';
import { createWordTokenizer, templateTokenizer } from '../src/model/clip/tokenizer/tokenizer.ts';
import { smallClipWords } from '../src/model/clip/tokenizer/words.ts';
import { type Clip, weightSpecs } from '../src/model/clip/weights.ts';
import { uniform } from './random.ts';

export const modelNames = ['small', ...Object.keys(knownClipConfigs)];

export const configOf = (model: string) =>
  model === 'small'
    ? smallClipConfig(smallClipWords.length)
    : knownClipConfigs[model as keyof typeof knownClipConfigs];

/** Side of the images unless told otherwise. */
export const sizeOf = (model: string): number => defaultImageSize(configOf(model));

/** @param half store the matrices in f16 */
export async function randomClip(gpu: Gpu, model: string, half: boolean): Promise<Clip> {
  const config = configOf(model);
  const specs = weightSpecs(config, () => (half ? 'F16' : 'F32'));
  const tensors = new Map<string, DeviceTensor>();
  let seed = 1;
  for (const [name, spec] of specs) {
    seed += 7919;
    const next = uniform(seed);
    const norm = /ln_\w+\.weight$/.test(name);
    const scale = spec.shape.length > 1 ? elements(spec.shape.slice(1)) ** -0.5 : 0.05;
    // A loop: from an iterable, a large model's weights take minutes.
    const values = new Float32Array(elements(spec.shape));
    for (let i = 0; i < values.length; i += 1) values[i] = scale * next() + (norm ? 1 : 0);
    const data = spec.dtype === 'f16' ? encodeHalf(values) : values;
    tensors.set(name, createDeviceTensor(gpu, name, spec, data));
    await gpu.finish(); // one tensor's upload at a time on the host
  }
  const rows = uniform(3);
  return {
    name: `random ${model}`,
    config,
    tokenizer: model === 'small' ? createWordTokenizer(smallClipWords) : templateTokenizer(),
    metadata: new Map(),
    weightSpec: (name) => specs.get(name),
    tensors,
    logitScale: async () => 100,
    tokenRows: async (ids) =>
      new Map(
        ids.map((id) => [id, Float32Array.from({ length: config.textWidth }, () => 0.02 * rows())] as const),
      ),
    dispose() {
      for (const { buffer } of tensors.values()) gpu.memory.free(buffer);
    },
  };
}

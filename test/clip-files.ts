// A tiny random CLIP under every naming scheme.

import {
  float32Tensor,
  readSafetensors,
  type TensorData,
  writeSafetensors,
} from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import type { Gpu } from '../src/gpu/gpu.ts';
import { type ClipConfig, clipConfig } from '../src/model/clip/config.ts';
import { randomClipWeights } from '../src/model/clip/random.ts';
import { wordListMetadata } from '../src/model/clip/tokenizer/tokenizer.ts';
import { smallClipWords } from '../src/model/clip/tokenizer/words.ts';
import { type Clip, loadClip } from '../src/model/clip/weights.ts';

export const tinyConfig = clipConfig({
  visionWidth: 64,
  visionLayers: 2,
  patch: 8,
  grid: 3,
  textWidth: 128,
  textLayers: 2,
  contextLength: 12,
  vocabSize: 8,
  embedDim: 48,
});

type Tensors = Map<string, TensorData>;
export const tinyWeights = (config: ClipConfig = tinyConfig): Tensors => randomClipWeights(config, 5);

/** A CLIP of random weights on the device, with the small CLIP's words. */
export async function loadRandomClip(gpu: Gpu, config: ClipConfig): Promise<Clip> {
  const file = writeSafetensors(randomClipWeights(config, 3), wordListMetadata(smallClipWords));
  return loadClip(gpu, await readSafetensors(bytesSource('tiny', file)));
}

const values = ({ data }: TensorData) => data as Float32Array;

export function transpose({ shape, data }: TensorData): TensorData {
  const [rows, columns] = shape as [number, number];
  const source = data as Float32Array;
  const result = new Float32Array(source.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) result[j * rows + i] = source[i * columns + j]!;
  return float32Tensor([columns, rows], result);
}

/** OpenAI's names to those of Hugging Face's CLIPModel, as transformers' conversion script has them. */
export function asHuggingFace(weights: Tensors): Tensors {
  const renamed: Tensors = new Map();
  for (const [name, tensor] of weights) {
    const tower = name.startsWith('visual.') ? 'vision_model' : 'text_model';
    const block = /resblocks\.(\d+)\.(.*)$/.exec(name);
    if (block) {
      const layer = `${tower}.encoder.layers.${block[1]}`;
      const inProjection = /^attn\.in_proj_(weight|bias)$/.exec(block[2]!);
      if (inProjection) {
        const size = values(tensor).length / 3;
        for (const [i, part] of ['q', 'k', 'v'].entries())
          renamed.set(
            `${layer}.self_attn.${part}_proj.${inProjection[1]}`,
            float32Tensor(
              [tensor.shape[0]! / 3, ...tensor.shape.slice(1)],
              values(tensor).slice(i * size, (i + 1) * size),
            ),
          );
        continue;
      }
      const part = block[2]!
        .replace('attn.', 'self_attn.')
        .replace('ln_', 'layer_norm')
        .replace('c_fc', 'fc1')
        .replace('c_proj', 'fc2');
      renamed.set(`${layer}.${part}`, tensor);
      continue;
    }
    const [kind] = /(weight|bias)$/.exec(name) ?? [''];
    if (name === 'visual.proj') renamed.set('visual_projection.weight', transpose(tensor));
    else if (name === 'text_projection') renamed.set('text_projection.weight', transpose(tensor));
    else if (name === 'logit_scale') renamed.set(name, tensor);
    else if (name === 'visual.class_embedding')
      renamed.set('vision_model.embeddings.class_embedding', tensor);
    else if (name === 'visual.conv1.weight')
      renamed.set('vision_model.embeddings.patch_embedding.weight', tensor);
    else if (name.endsWith('positional_embedding'))
      renamed.set(`${tower}.embeddings.position_embedding.weight`, tensor);
    else if (name === 'token_embedding.weight')
      renamed.set('text_model.embeddings.token_embedding.weight', tensor);
    else if (name.startsWith('visual.ln_pre')) renamed.set(`vision_model.pre_layrnorm.${kind}`, tensor);
    else if (name.startsWith('visual.ln_post')) renamed.set(`vision_model.post_layernorm.${kind}`, tensor);
    else if (name.startsWith('ln_final')) renamed.set(`text_model.final_layer_norm.${kind}`, tensor);
    else throw new Error(`unhandled ${name}`);
  }
  const ids = { dtype: 'I64', shape: [1, 3], data: new BigInt64Array([0n, 1n, 2n]) } as const;
  return renamed.set('text_model.embeddings.position_ids', ids);
}

/** OpenCLIP's CustomTextCLIP: the text encoder under `text.`, its projection a linear layer. */
export function asOpenClip(weights: Tensors): Tensors {
  const renamed: Tensors = new Map();
  for (const [name, tensor] of weights) {
    if (name.startsWith('visual.') || name === 'logit_scale') renamed.set(name, tensor);
    else if (name === 'text_projection') renamed.set('text.text_projection.weight', transpose(tensor));
    else renamed.set(`text.${name}`, tensor);
  }
  return renamed.set('text.attn_mask', float32Tensor([2, 2], new Float32Array(4)));
}

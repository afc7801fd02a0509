// A tiny BLIP of random weights, as its authors publish theirs and as Hugging Face does.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { float32Tensor, type TensorData, writeSafetensors } from '../src/formats/safetensors.ts';
import { type BlipConfig, blipTensorShapes } from '../src/model/blip/config.ts';
import { randomClipTensor } from '../src/model/clip/random.ts';
import { type Node, torchFile } from './torch-file.ts';

export const vocabulary = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  'object',
  'damaged',
  '.',
  'a',
  'photo',
  'of',
  '##s',
  'weave',
  'flawless',
  'perfect',
  'normal',
];

export const tinyBlip: BlipConfig = {
  encoder: 'blip',
  visionWidth: 64,
  visionLayers: 2,
  visionHeads: 1,
  visionMlp: 96,
  patch: 8,
  grid: 4,
  imageResolution: 32,
  textWidth: 64,
  textLayers: 2,
  textHeads: 1,
  textMlp: 80,
  contextLength: 40,
  vocabSize: vocabulary.length + 2,
  embedDim: 24,
  activation: 'gelu',
  visionEpsilon: 1e-6,
};

type Tensors = Map<string, TensorData>;

/** Under the authors' names: query, key and value apart, and beside them what nothing here needs. */
export function authorsBlip(config = tinyBlip, seed = 3): Tensors {
  const tensors: Tensors = new Map();
  for (const [name, shape] of blipTensorShapes(config)) {
    const values = randomClipTensor(name, shape, seed);
    const [, before, kind] = /^(.*\.self)\.qkv\.(weight|bias)$/.exec(name) ?? [];
    if (before === undefined) tensors.set(name, float32Tensor(shape, values));
    else
      for (const [i, part] of ['query', 'key', 'value'].entries()) {
        const size = values.length / 3;
        const third = values.slice(i * size, (i + 1) * size);
        tensors.set(`${before}.${part}.${kind}`, float32Tensor([shape[0]! / 3, ...shape.slice(1)], third));
      }
  }
  const one = float32Tensor([1], new Float32Array(1));
  for (const unneeded of [
    'text_encoder.encoder.layer.0.crossattention.self.query.weight',
    'visual_encoder_m.cls_token',
    'text_encoder_m.embeddings.word_embeddings.weight',
    'text_decoder.bert.embeddings.word_embeddings.weight',
    'itm_head.weight',
    'image_queue',
  ])
    tensors.set(unneeded, one);
  return tensors;
}

/** Hugging Face's names for the same. */
export function huggingFaceBlip(authors: Tensors): Tensors {
  const renamed: Tensors = new Map();
  for (const [name, tensor] of authors) {
    if (/(_m\b|_m\.|queue|text_decoder|^temp$)/.test(name)) continue;
    renamed.set(
      name
        .replace(/^visual_encoder\.cls_token$/, 'vision_model.embeddings.class_embedding')
        .replace(/^visual_encoder\.pos_embed$/, 'vision_model.embeddings.position_embedding')
        .replace(/^visual_encoder\.patch_embed\.proj\./, 'vision_model.embeddings.patch_embedding.')
        .replace(/^visual_encoder\.norm\./, 'vision_model.post_layernorm.')
        .replace(/^visual_encoder\.blocks\./, 'vision_model.encoder.layers.')
        .replace(/\.attn\.qkv\./, '.self_attn.qkv.')
        .replace(/\.attn\.proj\./, '.self_attn.projection.')
        .replace(/\.norm([12])\./, '.layer_norm$1.'),
      tensor,
    );
  }
  return renamed;
}

/** Writes `model_base.pth` and the folder `hf`, each with vocab.txt beside it. @returns their paths */
export async function writeBlips(dir: string): Promise<{ pth: string; folder: string }> {
  const authors = authorsBlip();
  const [pth, folder] = [path.join(dir, 'authors', 'model_base.pth'), path.join(dir, 'hf')];
  for (const parent of [path.dirname(pth), folder]) {
    await mkdir(parent, { recursive: true });
    await writeFile(path.join(parent, 'vocab.txt'), `${vocabulary.join('\n')}\n`);
  }
  const state = new Map<string, Node>([['model', new Map<string, Node>(authors)]]);
  await writeFile(pth, torchFile(state));
  await writeFile(path.join(folder, 'model.safetensors'), writeSafetensors(huggingFaceBlip(authors)));
  const tower = { hidden_size: 64, num_attention_heads: 1 };
  const vision_config = { ...tower, layer_norm_eps: 1e-6 };
  const json = { model_type: 'blip', vision_config, text_config: tower };
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(json));
  return { pth, folder };
}

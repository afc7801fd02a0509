// The names under which BLIP's weights are published, mapped to those of its authors' checkpoints.

import { WeightsError } from '../../formats/errors.ts';
import type { TensorFile } from '../../formats/tensor-file.ts';
import { applyRecipes, type ClipTensors } from './names.ts';

/** Hugging Face's BlipForImageTextRetrieval, by what stands at the beginning of a module's name. */
const huggingFace: readonly (readonly [RegExp, string])[] = [
  [/^vision_model\.embeddings\.class_embedding$/, 'visual_encoder.cls_token'],
  [/^vision_model\.embeddings\.position_embedding$/, 'visual_encoder.pos_embed'],
  [/^vision_model\.embeddings\.patch_embedding\./, 'visual_encoder.patch_embed.proj.'],
  [/^vision_model\.encoder\.layers\.(\d+)\.self_attn\.qkv\./, 'visual_encoder.blocks.$1.attn.qkv.'],
  [/^vision_model\.encoder\.layers\.(\d+)\.self_attn\.projection\./, 'visual_encoder.blocks.$1.attn.proj.'],
  [/^vision_model\.encoder\.layers\.(\d+)\.layer_norm([12])\./, 'visual_encoder.blocks.$1.norm$2.'],
  [/^vision_model\.encoder\.layers\.(\d+)\.mlp\./, 'visual_encoder.blocks.$1.mlp.'],
  [/^vision_model\.post_layernorm\./, 'visual_encoder.norm.'],
];

/** The parts of a checkpoint that zero-shot use does not need: momentum copies, cross-attention, ITM, decoder, queues. */
const unneeded =
  /(^|\.)(position_ids|crossattention|pooler)\b|^(visual_encoder_m|text_encoder_m|vision_proj_m|text_proj_m|text_decoder|itm_head|image_queue|text_queue|queue_ptr|ptr_queue|idx_queue|queue)\b/;

const queryKeyValue = ['query', 'key', 'value'];

/** Whether the names are a BLIP's, of either kind. */
export const isBlipNaming = (names: Iterable<string>): boolean => {
  for (const name of names)
    if (/(^|\.)text_encoder\.embeddings\.word_embeddings\.weight$/.test(name)) return true;
  return false;
};

/**
 * Presents a BLIP's tensors under its authors' names, with query, key and value of each BERT layer as one matrix.
 * @throws WeightsError for a BLIP without the heads that compare images with texts (captioning, question answering)
 */
export function blipTensors(file: TensorFile): ClipTensors {
  const names = [...file.tensors.keys()];
  const prefix = names.every((name) => name.startsWith('module.')) ? 'module.' : '';
  const scheme = names.some((name) => name.slice(prefix.length).startsWith('vision_model.'))
    ? 'huggingface'
    : 'blip';
  const recipes = new Map<string, { parts: string[]; transposed: boolean }>();
  const ignored: string[] = [];
  for (const name of names) {
    const own = name.slice(prefix.length);
    if (unneeded.test(own)) {
      ignored.push(name);
      continue;
    }
    const rule = scheme === 'huggingface' ? huggingFace.find(([pattern]) => pattern.test(own)) : undefined;
    const mapped = rule ? own.replace(rule[0], rule[1]) : own;
    const [, layer, part, kind] =
      /^(.*\.attention\.self)\.(query|key|value)\.(weight|bias)$/.exec(mapped) ?? [];
    const target = layer === undefined ? mapped : `${layer}.qkv.${kind}`;
    const recipe = recipes.get(target) ?? { parts: [], transposed: false };
    const at = part === undefined ? 0 : queryKeyValue.indexOf(part);
    if (recipe.parts[at] !== undefined) {
      const expected = `one tensor for ${target}`;
      throw new WeightsError({ file: file.source.name, tensor: name, expected, found: 'a second one' });
    }
    recipe.parts[at] = name;
    recipes.set(target, recipe);
  }
  for (const head of ['vision_proj.weight', 'text_proj.weight'])
    if (!recipes.has(head)) {
      const expected = `${head}: a BLIP for retrieval, or the pre-trained one`;
      throw new WeightsError({ file: file.source.name, expected, found: 'no contrastive heads' });
    }
  return { scheme, file: applyRecipes(file, recipes), ignored };
}

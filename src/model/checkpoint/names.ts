// The names under which CLIP's weights are published, mapped to those of OpenAI's state dict.

import { WeightsError } from '../../formats/errors.ts';
import { dtypeBytes } from '../../formats/safetensors-header.ts';
import type { TensorFile, TensorInfo } from '../../formats/tensor-file.ts';
import { tensorFile } from '../../formats/tensor-file.ts';
import { readStrided } from '../../formats/torch/strided.ts';
import { nameSamples, unwrap } from './unwrap.ts';

export type NamingScheme = 'openai' | 'huggingface' | 'openclip' | 'blip';

/** A CLIP under OpenAI's names, whatever names the file has. */
export interface ClipTensors {
  readonly scheme: NamingScheme;
  readonly file: TensorFile;
  /** Tensors of the file that no CLIP needs. */
  readonly ignored: readonly string[];
  /** What stood before all its names, and was taken off; absent: nothing. */
  readonly prefix?: string;
}

/** Where one tensor's values come from: tensors of the file one after the other, or a matrix transposed. */
interface Recipe {
  readonly parts: readonly string[];
  readonly transposed: boolean;
}

/** One rule: what a name becomes. `part` orders the parts of a packed tensor. */
interface Target {
  readonly name: string;
  readonly part?: number;
  readonly transposed?: boolean;
}

/** Sizes, masks and counters that some writers store beside the weights. */
const derived =
  /^(input_resolution|context_length|vocab_size|(text\.)?attn_mask|CONSTANTS\..*|.*\.(position_ids|num_batches_tracked))$/;

/**
 * Presents a CLIP's tensors under the names of OpenAI's state dict.
 * @throws WeightsError for a model that is no CLIP with a ViT, and for parts that do not fit together
 */
export function clipTensors(file: TensorFile): ClipTensors {
  const found = unwrap(file, anchors) ?? notClip(file);
  const scheme = schemeOf([...found.names.keys()]);
  const recipes = new Map<string, { parts: string[]; transposed: boolean }>();
  // Beside the model; where nothing wraps it, everything is looked at.
  const ignored: string[] = [...found.outside];
  for (const [own, name] of found.names) {
    const { shape } = file.tensors.get(name)!;
    if (derived.test(own)) {
      ignored.push(name);
      continue;
    }
    const target = scheme === 'huggingface' ? fromHuggingFace(own) : fromOpenClip(own, shape.length);
    const other = target ? undefined : otherModel(own);
    if (other) {
      const expected = 'a CLIP with a ViT image encoder and a text encoder';
      throw new WeightsError({ file: file.source.name, tensor: name, expected, found: other });
    }
    // What is left keeps its name: the check against the configuration refuses it by that name.
    const { name: mapped, part = 0, transposed = false } = target ?? { name: own };
    const recipe = recipes.get(mapped) ?? { parts: [], transposed };
    if (recipe.parts[part] !== undefined) {
      const expected = `one tensor for ${mapped}`;
      throw new WeightsError({ file: file.source.name, tensor: name, expected, found: 'a second one' });
    }
    recipe.parts[part] = name;
    recipes.set(mapped, recipe);
  }
  const mapped = applyRecipes(file, recipes);
  return {
    scheme,
    file: file.foreign ? { ...mapped, foreign: file.foreign } : mapped,
    ignored,
    ...(found.prefix ? { prefix: found.prefix } : {}),
  };
}

/** Tensors that each naming scheme has, and no other model. */
const anchors = [
  'visual.conv1.weight',
  'vision_model.embeddings.patch_embedding.weight',
  'visual.layer1.0.conv1.weight',
  'visual.trunk.patch_embed.proj.weight',
  'visual.patch_embed.proj.weight',
];

/** @throws WeightsError that says what the file has */
function notClip(file: TensorFile): never {
  const unknown = [...file.tensors.keys()].map(otherModel).find((model) => model !== undefined);
  const found = file.tensors.has('ctx_pos')
    ? 'trained prompts, which go with --prompts (the option `prompts` of the library)'
    : (unknown ?? nameSamples(file));
  throw new WeightsError({
    file: file.source.name,
    expected: `a CLIP (with ${anchors[0]} or ${anchors[1]})`,
    found,
  });
}

function schemeOf(names: readonly string[]): NamingScheme {
  if (names.some((name) => /^(vision_model|text_model)\./.test(name))) return 'huggingface';
  return names.some((name) => name.startsWith('text.')) ? 'openclip' : 'openai';
}

/** What an unmapped name says about the model that it belongs to. */
function otherModel(name: string): string | undefined {
  if (/^visual\.(layer\d|attnpool|conv2)\b/.test(name))
    return 'a ResNet image encoder, which FAPrompt cannot use';
  if (/^visual\.(trunk|blocks)\./.test(name)) return "an image encoder other than CLIP's ViT (timm or EVA)";
  if (/^text\.(transformer\.(embeddings|encoder)|roberta)\b/.test(name))
    return "a text encoder other than CLIP's";
  if (/^(text_decoder|qformer|decoder)\./.test(name)) return 'a model with a decoder (CoCa, BLIP)';
  if (name === 'logit_bias') return 'a SigLIP model';
  return undefined;
}

const huggingFaceTop: Readonly<Record<string, Target>> = {
  'vision_model.embeddings.class_embedding': { name: 'visual.class_embedding' },
  'vision_model.embeddings.patch_embedding.weight': { name: 'visual.conv1.weight' },
  'vision_model.embeddings.position_embedding.weight': { name: 'visual.positional_embedding' },
  'text_model.embeddings.token_embedding.weight': { name: 'token_embedding.weight' },
  'text_model.embeddings.position_embedding.weight': { name: 'positional_embedding' },
  'visual_projection.weight': { name: 'visual.proj', transposed: true },
  'text_projection.weight': { name: 'text_projection', transposed: true },
  logit_scale: { name: 'logit_scale' },
};

const huggingFaceNorm: Readonly<Record<string, string>> = {
  'vision_model.pre_layrnorm': 'visual.ln_pre', // their spelling
  'vision_model.post_layernorm': 'visual.ln_post',
  'text_model.final_layer_norm': 'ln_final',
};

const huggingFaceBlock: Readonly<Record<string, string>> = {
  'self_attn.out_proj': 'attn.out_proj',
  layer_norm1: 'ln_1',
  layer_norm2: 'ln_2',
  'mlp.fc1': 'mlp.c_fc',
  'mlp.fc2': 'mlp.c_proj',
};

function fromHuggingFace(name: string): Target | undefined {
  if (Object.hasOwn(huggingFaceTop, name)) return huggingFaceTop[name];
  const [, module = '', kind = ''] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
  if (Object.hasOwn(huggingFaceNorm, module)) return { name: `${huggingFaceNorm[module]}.${kind}` };
  const [, tower, index, part = ''] =
    /^(vision|text)_model\.encoder\.layers\.(\d+)\.(.*)$/.exec(module) ?? [];
  if (index === undefined) return undefined;
  const block = `${tower === 'vision' ? 'visual.' : ''}transformer.resblocks.${index}`;
  const packed = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'].indexOf(part);
  if (packed >= 0) return { name: `${block}.attn.in_proj_${kind}`, part: packed };
  return Object.hasOwn(huggingFaceBlock, part)
    ? { name: `${block}.${huggingFaceBlock[part]}.${kind}` }
    : undefined;
}

/** OpenCLIP's names are OpenAI's, with the text encoder at the top or under `text.`. */
function fromOpenClip(name: string, rank: number): Target | undefined {
  const own = name.startsWith('text.') ? name.slice('text.'.length) : name;
  if (otherModel(name)) return undefined;
  // A linear layer in place of the matrix: stored as [out, in].
  if (own === 'text_projection.weight') return { name: 'text_projection', transposed: rank === 2 };
  if (own === 'visual.proj.weight') return { name: 'visual.proj', transposed: rank === 2 };
  return { name: own };
}

interface ViewInfo extends TensorInfo {
  readonly recipe: Recipe;
}

/** The tensors that the recipes make, read on demand. */
export function applyRecipes(file: TensorFile, recipes: ReadonlyMap<string, Recipe>): TensorFile {
  const tensors = new Map([...recipes].map(([name, recipe]) => [name, infoOf(file, name, recipe)]));
  return tensorFile<ViewInfo>(file.source.name, tensors, file.metadata, (name, info, start, length) => {
    const { parts, transposed } = info.recipe;
    if (!transposed) return readParts(file, parts, start, length);
    const [rows, columns] = info.shape as [number, number];
    return readStrided(
      { shape: [rows, columns], strides: [1, rows], item: dtypeBytes[info.dtype] },
      { start, length },
      (offset, count) => file.readBytes(parts[0]!, offset, count),
      { file: file.source.name, tensor: name },
    );
  });
}

function infoOf(file: TensorFile, name: string, recipe: Recipe): ViewInfo {
  const fail = (expected: string, found: string): never => {
    throw new WeightsError({ file: file.source.name, tensor: name, expected, found });
  };
  const packed = recipe.parts.length > 1 || /\.in_proj_(weight|bias)$/.test(name);
  if (packed && recipe.parts.length !== 1) {
    const missing = ['query', 'key', 'value'].filter((_, i) => recipe.parts[i] === undefined);
    if (missing.length > 0) fail('query, key and value projections', `no ${missing.join(', no ')}`);
  }
  const infos = recipe.parts.map((part) => file.tensors.get(part)!);
  const [{ dtype, shape }] = infos as [TensorInfo];
  for (const info of infos)
    if (info.dtype !== dtype || info.shape.join() !== shape.join())
      fail(`parts of ${dtype} [${shape}]`, `${info.dtype} [${info.shape}]`);
  if (recipe.transposed && shape.length !== 2) fail('a matrix', `[${shape}]`);
  const bytes = infos.reduce((sum, info) => sum + info.bytes, 0);
  const whole = recipe.transposed
    ? [shape[1]!, shape[0]!]
    : infos.length > 1
      ? [infos.length * (shape[0] ?? 1), ...shape.slice(1)]
      : name === 'logit_scale' && shape.join() === '1'
        ? [] // OpenCLIP may store it as a vector
        : shape;
  return { dtype, shape: whole, bytes, recipe };
}

/** Bytes start .. start + length of tensors one after the other. */
async function readParts(
  file: TensorFile,
  parts: readonly string[],
  start: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const size = file.tensors.get(parts[0]!)!.bytes; // all parts have it
  const index = size === 0 ? 0 : Math.floor(start / size);
  if (start + length <= (index + 1) * size || parts.length === 1)
    return file.readBytes(parts[index] ?? parts[0]!, start - index * size, length);
  const bytes = new Uint8Array(length);
  for (const [i, part] of parts.entries()) {
    const from = Math.max(start, i * size);
    const to = Math.min(start + length, (i + 1) * size);
    if (from < to) bytes.set(await file.readBytes(part, from - i * size, to - from), from - start);
  }
  return bytes;
}

// Sizes of a BLIP (Li et al., ICML 2022): a ViT and a BERT with a contrastive head (ITC) over both.
import { WeightsError } from '../../formats/errors.ts';
import type { TensorFile } from '../../formats/tensor-file.ts';
import { checkTensor, type Fail, type TensorType } from '../clip/check-tensors.ts';
import type { ClipConfig } from '../clip/sizes.ts';

/**
 * A CLIP's sizes, of BLIP's encoders: `textWidth`, `textHeads`, `textLayers` and `vocabSize` are the BERT's,
 * `embedDim` is the width of the contrastive heads.
 */
export interface BlipConfig extends ClipConfig {
  readonly encoder: 'blip';
  /** Width inside the MLPs. */
  readonly visionMlp: number;
  readonly textMlp: number;
  /** Of the ViT's layer norms; the BERT's is 1e-12. */
  readonly visionEpsilon: number;
}

export const isBlip = (config: ClipConfig): config is BlipConfig =>
  (config as Partial<BlipConfig>).encoder === 'blip';

const base = {
  encoder: 'blip' as const,
  patch: 16,
  grid: 24,
  imageResolution: 384,
  textWidth: 768,
  textLayers: 12,
  textHeads: 12,
  contextLength: 512,
  vocabSize: 30524,
  embedDim: 256,
  activation: 'gelu' as const,
  textMlp: 3072,
  visionEpsilon: 1e-6,
};

/** The published models, at 384 px. */
export const knownBlipConfigs: Readonly<Record<'BLIP-base' | 'BLIP-large', BlipConfig>> = {
  'BLIP-base': { ...base, visionWidth: 768, visionLayers: 12, visionHeads: 12, visionMlp: 3072 },
  'BLIP-large': { ...base, visionWidth: 1024, visionLayers: 24, visionHeads: 16, visionMlp: 4096 },
};

/** A BLIP of the small CLIP's sizes, for tests and demonstrations: random weights, a word list in its metadata. */
export const smallBlipConfig = (words: number): BlipConfig => ({
  ...base,
  patch: 8,
  grid: 8,
  imageResolution: 64,
  visionWidth: 128,
  visionLayers: 4,
  visionHeads: 2,
  visionMlp: 512,
  textWidth: 128,
  textLayers: 4,
  textHeads: 2,
  textMlp: 512,
  contextLength: 77,
  vocabSize: words + 2,
  embedDim: 64,
});

/** Tokens that a text is cut to, [CLS] and [SEP] included, as BLIP was trained. */
export const blipTextLength = 35;

type NamedShape = [string, readonly number[]];

const linearShapes = (name: string, out: number, inner: number): NamedShape[] => [
  [`${name}.weight`, [out, inner]],
  [`${name}.bias`, [out]],
];
const normShapes = (name: string, width: number): NamedShape[] => [
  [`${name}.weight`, [width]],
  [`${name}.bias`, [width]],
];

/**
 * Name -> shape of every tensor that the two encoders and their heads need, under the names of BLIP's own checkpoints,
 * but for the query, key and value of a BERT layer, which are one matrix here (`attention.self.qkv`).
 */
export function blipTensorShapes(config: BlipConfig): Map<string, readonly number[]> {
  const { visionWidth, textWidth, patch, grid, embedDim, contextLength, vocabSize } = config;
  const blocks = Array.from({ length: config.visionLayers }, (_, i) => `visual_encoder.blocks.${i}`);
  const layers = Array.from({ length: config.textLayers }, (_, i) => `text_encoder.encoder.layer.${i}`);
  return new Map<string, readonly number[]>([
    ['visual_encoder.cls_token', [1, 1, visionWidth]],
    ['visual_encoder.pos_embed', [1, grid * grid + 1, visionWidth]],
    ['visual_encoder.patch_embed.proj.weight', [visionWidth, 3, patch, patch]],
    ['visual_encoder.patch_embed.proj.bias', [visionWidth]],
    ...blocks.flatMap((block) => [
      ...normShapes(`${block}.norm1`, visionWidth),
      ...linearShapes(`${block}.attn.qkv`, 3 * visionWidth, visionWidth),
      ...linearShapes(`${block}.attn.proj`, visionWidth, visionWidth),
      ...normShapes(`${block}.norm2`, visionWidth),
      ...linearShapes(`${block}.mlp.fc1`, config.visionMlp, visionWidth),
      ...linearShapes(`${block}.mlp.fc2`, visionWidth, config.visionMlp),
    ]),
    ...normShapes('visual_encoder.norm', visionWidth),
    [wordEmbeddings, [vocabSize, textWidth]],
    ['text_encoder.embeddings.position_embeddings.weight', [contextLength, textWidth]],
    ...normShapes('text_encoder.embeddings.LayerNorm', textWidth),
    ...layers.flatMap((layer) => [
      ...linearShapes(`${layer}.attention.self.qkv`, 3 * textWidth, textWidth),
      ...linearShapes(`${layer}.attention.output.dense`, textWidth, textWidth),
      ...normShapes(`${layer}.attention.output.LayerNorm`, textWidth),
      ...linearShapes(`${layer}.intermediate.dense`, config.textMlp, textWidth),
      ...linearShapes(`${layer}.output.dense`, textWidth, config.textMlp),
      ...normShapes(`${layer}.output.LayerNorm`, textWidth),
    ]),
    ...linearShapes('vision_proj', embedDim, visionWidth),
    ...linearShapes('text_proj', embedDim, textWidth),
    [temperatureName, []],
  ]);
}

export const wordEmbeddings = 'text_encoder.embeddings.word_embeddings.weight';
/** Cosines are divided by it; 0.07 before training. Hugging Face's checkpoints leave it out. */
export const temperatureName = 'temp';
export const defaultTemperature = 0.07;

export const isBlipFile = (tensors: ReadonlyMap<string, unknown>): boolean =>
  tensors.has('visual_encoder.cls_token');

/** What the shapes do not say. */
export interface BlipUnwritten {
  /** Width of a head, in both encoders or in each; default 64. */
  readonly headDim?: number | { readonly vision: number; readonly text: number } | undefined;
}

/**
 * Reads the sizes from the shapes of a BLIP's tensors (names.ts) and the metadata `head_dim` and `vision_epsilon`, and
 * checks every tensor that is needed.
 * @throws WeightsError
 */
export function blipConfigOf(
  { source, tensors, metadata }: Pick<TensorFile, 'source' | 'tensors' | 'metadata'>,
  given: BlipUnwritten = {},
): BlipConfig {
  const file = source.name;
  const fail: Fail = (tensor, expected, found) => {
    throw new WeightsError({ file, tensor, expected, found });
  };
  const sizes = (name: string, pattern: string, rank: number): readonly number[] => {
    const { shape } = tensors.get(name) ?? fail(name, `shape [${pattern}]`, 'no such tensor');
    if (shape.length !== rank || shape.includes(0)) fail(name, `shape [${pattern}]`, `[${shape}]`);
    return shape;
  };
  const [visionWidth, , patch] = sizes(
    'visual_encoder.patch_embed.proj.weight',
    'width, 3, patch, patch',
    4,
  ) as [number, number, number];
  const [, positions] = sizes('visual_encoder.pos_embed', '1, grid * grid + 1, width', 3) as [number, number];
  const grid = Math.sqrt(positions - 1);
  if (grid < 1 || !Number.isInteger(grid))
    fail('visual_encoder.pos_embed', 'grid * grid + 1 rows', `${positions} rows`);
  const [vocabSize, textWidth] = sizes(wordEmbeddings, 'vocabulary, width', 2) as [number, number];
  const [contextLength] = sizes(
    'text_encoder.embeddings.position_embeddings.weight',
    'positions, width',
    2,
  ) as [number];
  const [embedDim] = sizes('vision_proj.weight', 'embed, width', 2) as [number];
  const [visionMlp] = sizes('visual_encoder.blocks.0.mlp.fc1.weight', 'hidden, width', 2) as [number];
  const [textMlp] = sizes('text_encoder.encoder.layer.0.intermediate.dense.weight', 'hidden, width', 2) as [
    number,
  ];
  const heads = headWidths(given.headDim ?? metadata.get('head_dim'), file);
  for (const [name, width, head] of [
    ['visual_encoder.pos_embed', visionWidth, heads.vision],
    [wordEmbeddings, textWidth, heads.text],
  ] as const)
    if (width % head !== 0) fail(name, `a width that is a multiple of ${head}`, `${width}`);
  const visionEpsilon = Number(metadata.get('vision_epsilon') ?? 1e-6);
  if (!(visionEpsilon > 0 && visionEpsilon < 1))
    throw new WeightsError({
      file,
      expected: '__metadata__.vision_epsilon: a small number',
      found: `${metadata.get('vision_epsilon')}`,
    });
  const config: BlipConfig = {
    encoder: 'blip',
    visionWidth,
    visionLayers: countParts(tensors, /^visual_encoder\.blocks\.(\d+)\./),
    visionHeads: visionWidth / heads.vision,
    patch,
    grid,
    imageResolution: grid * patch,
    textWidth,
    textLayers: countParts(tensors, /^text_encoder\.encoder\.layer\.(\d+)\./),
    textHeads: textWidth / heads.text,
    contextLength,
    vocabSize,
    embedDim,
    activation: 'gelu',
    visionMlp,
    textMlp,
    visionEpsilon,
  };
  for (const [name, shape] of blipTensorShapes(config)) {
    if (name === temperatureName && !tensors.has(name)) continue;
    checkTensor(tensors, name, shape, fail);
  }
  return config;
}

/** Number of distinct parts, not the highest index: a damaged name must not ask for a billion of them. */
const countParts = (tensors: ReadonlyMap<string, TensorType>, pattern: RegExp): number =>
  Math.max(1, new Set([...tensors.keys()].flatMap((name) => pattern.exec(name)?.[1] ?? [])).size);

function headWidths(
  given: BlipUnwritten['headDim'] | string,
  file: string,
): { vision: number; text: number } {
  if (given === undefined) return { vision: 64, text: 64 };
  if (typeof given === 'number') return { vision: given, text: given };
  if (typeof given !== 'string') return given;
  const [vision, text = vision, ...rest] = given.split(',').map(Number);
  if (rest.length > 0 || ![vision, text].every((n) => Number.isSafeInteger(n) && n! > 0))
    throw new WeightsError({ file, expected: '__metadata__.head_dim: one or two widths', found: given });
  return { vision: vision!, text: text! };
}

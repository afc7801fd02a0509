import { WeightsError } from '../../formats/errors.ts';
import type { TensorFile } from '../../formats/tensor-file.ts';
import { blipConfigOf, blipTensorShapes, isBlip, isBlipFile } from '../blip/config.ts';
import { checkTensors, countBlocks, type Fail, refuseOtherModels, type TensorType } from './check-tensors.ts';
import { pixelMetadata, pixelsOf } from './pixels.ts';
import {
  type Activation,
  activations,
  type ClipConfig,
  clipConfig,
  headDims,
  type Unwritten,
} from './sizes.ts';

export * from './sizes.ts';

/** Name -> shape of every tensor of a CLIP, under the names of OpenAI's state dict and in its order; of a BLIP's, see there. */
export function clipTensorShapes(config: ClipConfig): Map<string, readonly number[]> {
  if (isBlip(config)) return blipTensorShapes(config);
  const { visionWidth, textWidth, patch, grid, embedDim, contextLength, vocabSize } = config;
  return new Map<string, readonly number[]>([
    ['positional_embedding', [contextLength, textWidth]],
    ['text_projection', [textWidth, embedDim]],
    ['logit_scale', []],
    ['visual.class_embedding', [visionWidth]],
    ['visual.positional_embedding', [grid * grid + 1, visionWidth]],
    ['visual.proj', [visionWidth, embedDim]],
    ['visual.conv1.weight', [visionWidth, 3, patch, patch]],
    ...layerNorm('visual.ln_pre', visionWidth),
    ...transformer('visual.transformer', visionWidth, config.visionLayers),
    ...layerNorm('visual.ln_post', visionWidth),
    ...transformer('transformer', textWidth, config.textLayers),
    ['token_embedding.weight', [vocabSize, textWidth]],
    ...layerNorm('ln_final', textWidth),
  ]);
}

type NamedShape = [string, readonly number[]];

const layerNorm = (name: string, width: number): NamedShape[] => [
  [`${name}.weight`, [width]],
  [`${name}.bias`, [width]],
];

const transformer = (name: string, width: number, layers: number): NamedShape[] =>
  Array.from({ length: layers }, (_, i) => `${name}.resblocks.${i}`).flatMap((block) => [
    [`${block}.attn.in_proj_weight`, [3 * width, width]],
    [`${block}.attn.in_proj_bias`, [3 * width]],
    [`${block}.attn.out_proj.weight`, [width, width]],
    [`${block}.attn.out_proj.bias`, [width]],
    ...layerNorm(`${block}.ln_1`, width),
    [`${block}.mlp.c_fc.weight`, [4 * width, width]],
    [`${block}.mlp.c_fc.bias`, [4 * width]],
    [`${block}.mlp.c_proj.weight`, [width, 4 * width]],
    [`${block}.mlp.c_proj.bias`, [width]],
    ...layerNorm(`${block}.ln_2`, width),
  ]);

/**
 * Reads the configuration of a CLIP from the shapes of its tensors (OpenAI state-dict names) and checks that the
 * tensors are exactly those of that configuration, in a floating-point type.
 * @param file name for messages
 * @throws WeightsError for a missing, unknown, wrongly shaped or wrongly typed tensor, a ResNet image encoder,
 * or a width that is not a multiple of `headDim`
 */
export function clipConfigFromShapes(
  tensors: ReadonlyMap<string, TensorType>,
  { file, headDim, activation, pixels }: { file: string } & Unwritten,
): ClipConfig {
  const fail: Fail = (tensor, expected, found) => {
    throw new WeightsError({ file, tensor, expected, found });
  };
  refuseOtherModels(tensors, fail);

  /** Shape of a tensor whose sizes are free; `pattern` names them for the message. */
  const sizes = (name: string, pattern: string, rank: number): readonly number[] => {
    const { shape } = tensors.get(name) ?? fail(name, `shape [${pattern}]`, 'no such tensor');
    if (shape.length !== rank || shape.includes(0)) fail(name, `shape [${pattern}]`, `[${shape}]`);
    return shape;
  };
  const widthOf = (name: string, width: number, dim: number): number =>
    width % dim === 0 ? width : fail(name, `a width that is a multiple of ${dim}`, `${width}`);
  const dims = headDims(headDim);

  const [visionWidth, , patch] = sizes('visual.conv1.weight', 'width, 3, patch, patch', 4) as [
    number,
    number,
    number,
  ];
  const [positions] = sizes('visual.positional_embedding', 'grid * grid + 1, width', 2) as [number];
  const grid = Math.sqrt(positions - 1);
  if (grid < 1 || !Number.isInteger(grid))
    fail('visual.positional_embedding', 'grid * grid + 1 rows', `${positions} rows`);
  const [, embedDim] = sizes('visual.proj', 'width, embed', 2) as [number, number];
  const [vocabSize, textWidth] = sizes('token_embedding.weight', 'vocabulary, width', 2) as [number, number];
  const [contextLength] = sizes('positional_embedding', 'context, width', 2) as [number];

  const config = clipConfig({
    visionWidth: widthOf('visual.conv1.weight', visionWidth, dims.vision),
    visionLayers: countBlocks(tensors, 'visual.transformer'),
    patch,
    grid,
    textWidth: widthOf('token_embedding.weight', textWidth, dims.text),
    textLayers: countBlocks(tensors, 'transformer'),
    contextLength,
    vocabSize,
    embedDim,
    headDim: dims,
    activation,
    pixels,
  });
  checkTensors(tensors, clipTensorShapes(config), fail);
  return config;
}

/** What `clipConfigOf` reads of a file's metadata; '64', or '80,64' for image and text encoder. */
export const clipMetadata = (config: ClipConfig): Record<string, string> => ({
  ...unwrittenSizes(config),
  ...(config.detectSize === undefined ? {} : { detect_size: `${config.detectSize}` }),
});

const unwrittenSizes = (config: ClipConfig): Record<string, string> => {
  const [vision, text] = [config.visionWidth / config.visionHeads, config.textWidth / config.textHeads];
  const head_dim = vision === text ? `${vision}` : `${vision},${text}`;
  if (isBlip(config)) return { head_dim, vision_epsilon: `${config.visionEpsilon}` };
  return { activation: config.activation, head_dim, ...pixelMetadata(config.pixels) };
};

/**
 * The configuration of a CLIP or a BLIP from the shapes of its tensors and from what its metadata adds (`clipMetadata`).
 * @param given overrides the metadata
 * @throws WeightsError as `clipConfigFromShapes`, and for malformed metadata
 */
export function clipConfigOf(weights: TensorFile, given: Unwritten = {}): ClipConfig {
  const config = sizesOf(weights, given);
  const size = weights.metadata.get('detect_size');
  if (size === undefined) return config;
  const detectSize = Number(size);
  if (Number.isSafeInteger(detectSize) && detectSize > 0 && detectSize % config.patch === 0)
    return { ...config, detectSize };
  throw new WeightsError({
    file: weights.source.name,
    expected: `__metadata__.detect_size: a multiple of the patch size ${config.patch}`,
    found: size,
  });
}

function sizesOf({ source, tensors, metadata }: TensorFile, given: Unwritten): ClipConfig {
  const file = source.name;
  if (isBlipFile(tensors)) return blipConfigOf({ source, tensors, metadata }, given);
  const activation = metadata.get('activation') as Activation | undefined;
  if (activation !== undefined && !activations.includes(activation)) {
    const expected = `__metadata__.activation: ${activations.join(' or ')}`;
    throw new WeightsError({ file, expected, found: activation });
  }
  const heads = metadata.get('head_dim');
  const [vision, text = vision, ...rest] = heads?.split(',').map(Number) ?? [];
  if (
    heads !== undefined &&
    (rest.length > 0 || ![vision, text].every((n) => Number.isSafeInteger(n) && n! > 0))
  )
    throw new WeightsError({ file, expected: '__metadata__.head_dim: one or two widths', found: heads });
  return clipConfigFromShapes(tensors, {
    file,
    headDim: given.headDim ?? (heads === undefined ? undefined : { vision: vision!, text: text! }),
    activation: given.activation ?? activation,
    pixels: given.pixels ?? pixelsOf(metadata, file),
  });
}

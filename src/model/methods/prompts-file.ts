// What was learned, as a safetensors file: the learnables under their published names, the method and how they were made.

import { isTileOptions, type TileOptions, tilesExpected } from '../../base/tile-options.ts';
import { WeightsError } from '../../formats/errors.ts';
import { float32Tensor, type SafetensorsFile, writeSafetensors } from '../../formats/safetensors.ts';
import type { ClipConfig } from '../clip/config.ts';
import type { ImageNeeds } from '../clip/needs.ts';
import { checkLearnables } from '../faprompt/learnables.ts';
import { isThreshold } from '../faprompt/verdict.ts';
import { families } from './families.ts';
import { fapromptFamilyName } from './faprompt/faprompt.ts';
import type { Method } from './method.ts';

/** What detection needs to know besides the learnables. */
export interface PromptsInfo {
  readonly method: Method;
  /** sha256 of the CLIP's weights file that they were trained on. */
  readonly clip: string;
  readonly imageSize: number;
  /** Trailing image-encoder blocks with the V-V stream. */
  readonly dualLayers: number;
  /** How they were trained, in words; for people. */
  readonly training: Readonly<Record<string, string | number>>;
  /** How large images are looked at; absent: whole. */
  readonly tiles?: TileOptions;
  /** Absent until one is chosen (`faprompt calibrate`). */
  readonly threshold?: StoredThreshold;
}

/** Images with this score or above are anomalous; how it was chosen, for people. */
export interface StoredThreshold {
  readonly threshold: number;
  readonly [how: string]: number | string | null;
}

export interface Prompts extends PromptsInfo {
  readonly learnables: ReadonlyMap<string, Float32Array>;
}

const format = 'faprompt-prompts';
const version = '1';

/** Names that only the weights of a CLIP have. */
const clipName = /(^|\.)(visual\.conv1\.weight|vision_model\.embeddings\.)/;

/** The file's bytes: the same for the same prompts. */
export function writePrompts(
  { learnables, method, clip, imageSize, dualLayers, training, threshold, tiles }: Prompts,
  config: ClipConfig,
): Uint8Array {
  const shapes = learnedShapes(method, config);
  const tensors = new Map(
    [...shapes].map(([name, shape]) => [name, float32Tensor(shape, learnables.get(name)!)]),
  );
  return writeSafetensors(tensors, {
    format,
    version,
    clip,
    imageSize: String(imageSize),
    dualLayers: String(dualLayers),
    ...(method.family === fapromptFamilyName
      ? {}
      : { method: method.family, name: method.name, title: method.title }),
    options: JSON.stringify(method.options),
    training: JSON.stringify(training),
    ...(tiles ? { tiles: JSON.stringify(tiles) } : {}),
    ...(threshold ? { threshold: JSON.stringify(threshold) } : {}),
  });
}

/**
 * Reads and checks prompts for a CLIP.
 * @param clip its file's name and sha256, where only the very CLIP that they were trained on will do
 * @throws WeightsError naming file and metadata field or tensor, what was expected and found
 */
export async function readPrompts(
  file: SafetensorsFile,
  config: ClipConfig,
  clip?: { readonly name: string; readonly sha256: string },
): Promise<Prompts> {
  const info = promptsInfo(file);
  const name = file.source.name;
  if (clip && clip.sha256 !== info.clip) {
    const expected = `prompts that were trained on ${clip.name} (sha256 ${clip.sha256.slice(0, 16)}…)`;
    throw new WeightsError({
      file: name,
      expected,
      found: `prompts for the CLIP with sha256 ${info.clip.slice(0, 16)}…`,
    });
  }
  if (info.dualLayers > config.visionLayers)
    throw new WeightsError({
      file: name,
      expected: `__metadata__.dualLayers of at most ${config.visionLayers}`,
      found: `${info.dualLayers}`,
    });
  if (info.imageSize % config.patch !== 0)
    throw new WeightsError({
      file: name,
      expected: `__metadata__.imageSize, a multiple of ${config.patch}`,
      found: `${info.imageSize}`,
    });
  checkLearnables(file.tensors, learnedShapes(info.method, config), name);
  const learnables = new Map<string, Float32Array>();
  for (const tensor of file.tensors.keys()) {
    const values = await file.readFloat32(tensor);
    if (!values.every(Number.isFinite))
      throw new WeightsError({ file: name, tensor, expected: 'finite numbers', found: 'NaN or infinity' });
    learnables.set(tensor, values);
  }
  return { ...info, learnables };
}

/** The metadata alone. @throws WeightsError */
export function promptsInfo({ source, metadata, tensors }: SafetensorsFile): PromptsInfo {
  const fail = (field: string, expected: string, found: string): never => {
    throw new WeightsError({ file: source.name, expected: `__metadata__.${field}: ${expected}`, found });
  };
  if (!metadata.has('format') && [...tensors.keys()].some((name) => clipName.test(name)))
    throw new WeightsError({
      file: source.name,
      expected: 'trained prompts',
      found: 'the weights of a CLIP, which go with --clip (the option `clip` of the library)',
    });
  const text = (field: string): string =>
    metadata.get(field) ?? fail(field, 'a text (is this a file of prompts?)', 'nothing');
  const parse = (field: string): unknown => {
    try {
      return JSON.parse(text(field));
    } catch (error) {
      if (error instanceof WeightsError) throw error;
      return fail(field, 'JSON', text(field).slice(0, 80));
    }
  };
  const count = (field: string, min: number): number => {
    const value = Number(text(field));
    const fits = Number.isSafeInteger(value) && value >= min;
    return fits ? value : fail(field, `an integer of at least ${min}`, text(field));
  };
  const threshold = (): StoredThreshold => {
    const value = parse('threshold') as Partial<StoredThreshold> | null;
    return isThreshold(value?.threshold)
      ? (value as StoredThreshold)
      : fail('threshold', 'an object with a `threshold` in [0, 1]', text('threshold').slice(0, 80));
  };
  const tiles = (): TileOptions => {
    const value = parse('tiles');
    return isTileOptions(value) ? value : fail('tiles', tilesExpected, text('tiles').slice(0, 80));
  };
  const method = (): Method => {
    const name = metadata.get('method') ?? fapromptFamilyName;
    const family = families.get(name) ?? fail('method', `one of ${[...families.keys()].join(', ')}`, name);
    return family.parse(
      metadata.get('name') ?? name,
      metadata.get('title') ?? 'FAPrompt',
      Object(parse('options')) as Record<string, unknown>,
      (option, expected, found) => fail(`options.${option}`, expected, found),
    );
  };
  if (text('format') !== format) fail('format', format, text('format'));
  if (text('version') !== version) fail('version', version, text('version'));
  const clip = text('clip');
  if (!/^[0-9a-f]{64}$/.test(clip)) fail('clip', 'a sha256 in hexadecimal', clip);
  return {
    clip,
    imageSize: count('imageSize', 1),
    dualLayers: count('dualLayers', 0),
    method: method(),
    training: parse('training') as PromptsInfo['training'],
    ...(metadata.has('tiles') ? { tiles: tiles() } : {}),
    ...(metadata.has('threshold') ? { threshold: threshold() } : {}),
  };
}

/** Shapes of what a method learns; none where it learns nothing. */
const learnedShapes = (method: Method, config: ClipConfig) => method.learning?.shapes(config) ?? new Map();

/** What prompts want of the image encoder. */
export const promptsNeeds = ({ method, dualLayers }: PromptsInfo, config: ClipConfig): ImageNeeds =>
  method.needs(config, { dualLayers });

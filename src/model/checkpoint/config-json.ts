// What the shapes of the weights do not say, from the config.json or open_clip_config.json beside them.
import { contentBytes, describeContent } from '../../base/content.ts';
import { WeightsError } from '../../formats/errors.ts';
import { jsonProblem } from '../../formats/json-limits.ts';
import { clipMean, clipStd, pixelMetadata, pixelScale } from '../clip/pixels.ts';

/** An index of shards has one value for each tensor, a configuration some hundred. */
const maxValues = 200_000;

type Json = Readonly<Record<string, unknown>>;

/** Mean and deviation of pixels as metadata, where a file names them and they are not OpenAI's. */
function pixelsIn(mean: unknown, std: unknown, file: string): Record<string, string> {
  if (mean === undefined && std === undefined) return {};
  const asList = (value: unknown, byDefault: readonly number[]): readonly unknown[] =>
    value === undefined ? byDefault : Array.isArray(value) ? value : [value];
  return pixelMetadata(pixelScale(asList(mean, clipMean), asList(std, clipStd), file));
}

/** The same of Hugging Face's preprocessor_config.json. @throws WeightsError */
export function preprocessorMetadata(text: string, file: string): Record<string, string> {
  const { image_mean, image_std, do_normalize } = parse(text, file);
  if (do_normalize === false) return pixelsIn([0, 0, 0], [1, 1, 1], file);
  return pixelsIn(image_mean ?? undefined, image_std ?? undefined, file);
}

/**
 * Activation and head widths as metadata (`clipConfigOf` reads it); of OpenCLIP's also the pixels' scale.
 * @param text content of config.json (Hugging Face) or open_clip_config.json
 * @throws WeightsError for a file that is not such a configuration, or of another kind of model
 */
export function configMetadata(text: string, file: string): Record<string, string> {
  const fail = (expected: string, found: unknown): never => {
    throw new WeightsError({ file, expected, found: JSON.stringify(found) ?? 'nothing' });
  };
  const json = parse(text, file);
  const record = (value: unknown, name: string): Json =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Json)
      : fail(`an object as ${name}`, value);
  const count = (value: unknown, name: string, byDefault: number): number =>
    value === undefined || value === null
      ? byDefault
      : Number.isSafeInteger(value) && (value as number) > 0
        ? (value as number)
        : fail(`a positive integer as ${name}`, value);

  if (json.model_cfg !== undefined) {
    const model = record(json.model_cfg, 'model_cfg');
    const vision = record(model.vision_cfg, 'vision_cfg');
    const words = record(model.text_cfg, 'text_cfg');
    if (vision.timm_model_name) fail("CLIP's own ViT as vision_cfg", `timm model ${vision.timm_model_name}`);
    if (words.hf_model_name) fail("CLIP's own text encoder as text_cfg", words.hf_model_name);
    const textWidth = count(words.width, 'text_cfg.width', 512);
    const { mean, std } = record(json.preprocess_cfg ?? {}, 'preprocess_cfg');
    return {
      ...pixelsIn(mean ?? undefined, std ?? undefined, file),
      activation: model.quick_gelu === true ? 'quickgelu' : 'gelu',
      head_dim: `${count(vision.head_width, 'head_width', 64)},${textWidth / count(words.heads, 'text_cfg.heads', 8)}`,
    };
  }

  const vision = record(json.vision_config ?? {}, 'vision_config');
  const words = record(json.text_config ?? {}, 'text_config');
  const blipMetadata = (): Record<string, string> => {
    for (const [name, tower] of Object.entries({ vision_config: vision, text_config: words }))
      if ((tower.hidden_act ?? 'gelu') !== 'gelu') fail(`gelu as ${name}.hidden_act`, tower.hidden_act);
    if ((words.layer_norm_eps ?? 1e-12) !== 1e-12)
      fail('text_config.layer_norm_eps 1e-12', words.layer_norm_eps);
    const width = (tower: Json, name: string) =>
      count(tower.hidden_size, `${name}.hidden_size`, 768) /
      count(tower.num_attention_heads, `${name}.num_attention_heads`, 12);
    return {
      head_dim: `${width(vision, 'vision_config')},${width(words, 'text_config')}`,
      ...(vision.layer_norm_eps === undefined ? {} : { vision_epsilon: `${vision.layer_norm_eps}` }),
    };
  };
  if (json.model_type === 'blip') return blipMetadata();
  if (json.model_type !== 'clip') fail('model_type "clip" or "blip"', json.model_type);
  const activation = (tower: Json, name: string): string => {
    const value = tower.hidden_act ?? 'quick_gelu'; // Hugging Face leaves out its defaults
    if (value === 'quick_gelu') return 'quickgelu';
    return value === 'gelu' ? 'gelu' : fail(`quick_gelu or gelu as ${name}.hidden_act`, value);
  };
  const [ofVision, ofText] = [activation(vision, 'vision_config'), activation(words, 'text_config')];
  if (ofVision !== ofText) fail('one activation for both encoders', [ofVision, ofText]);
  for (const tower of [vision, words])
    if ((tower.layer_norm_eps ?? 1e-5) !== 1e-5) fail('layer_norm_eps 1e-5', tower.layer_norm_eps);
  const heads = (tower: Json, name: string, width: number, number: number) =>
    count(tower.hidden_size, `${name}.hidden_size`, width) /
    count(tower.num_attention_heads, `${name}.num_attention_heads`, number);
  return {
    activation: ofVision,
    head_dim: `${heads(vision, 'vision_config', 768, 12)},${heads(words, 'text_config', 512, 8)}`,
  };
}

export function parse(text: string, file: string): Json {
  let found = '';
  try {
    const problem = jsonProblem(text, maxValues);
    if (problem !== undefined) throw new Error(problem);
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Json;
    found = 'another value';
  } catch (error) {
    found = `${(error as Error).message} in ${describeContent(new TextEncoder().encode(text.slice(0, contentBytes)))}`;
  }
  throw new WeightsError({ file, expected: 'a JSON object', found });
}

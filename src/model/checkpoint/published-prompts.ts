// Prompt checkpoints of the published PyTorch code: FAPrompt's and AnomalyCLIP's (epoch_15.pth).

import { WeightsError } from '../../formats/errors.ts';
import type { TensorFile } from '../../formats/tensor-file.ts';
import { type FapromptOptions, presets } from '../faprompt/options.ts';
import { unwrap, unwrapped } from './unwrap.ts';

export interface PublishedPrompts {
  readonly method: 'FAPrompt' | 'AnomalyCLIP';
  /** The learnable tensors, under the names that `learnableShapes` has too. */
  readonly tensors: readonly string[];
  /** Stored by the published code and never used, or made again from the CLIP. */
  readonly ignored: readonly string[];
  /** FAPrompt: the preset `official` in the sizes of the tensors. AnomalyCLIP has other prompts. */
  readonly options: FapromptOptions | undefined;
}

const learnable = /^(ctx_pos|ctx_neg|compound_prompts_text\.\d+|patch_meta_net\.linear[12]\.(weight|bias))$/;
const unused =
  /^(compound_prompt_projections\.\d+\.(weight|bias)|token_(prefix|suffix)_(pos|neg)|tokenized_prompts_(pos|neg))$/;

/** The tensors of a published checkpoint under their own names; undefined for a file of something else. */
export function promptTensors(file: TensorFile): TensorFile | undefined {
  const found = unwrap(file, ['ctx_pos']);
  return found && unwrapped(file, found);
}

/**
 * Recognises a published checkpoint.
 * @throws WeightsError for a tensor that neither has, and for shapes that do not fit together
 */
export function publishedPrompts(file: TensorFile): PublishedPrompts {
  const fail = (tensor: string, expected: string, found: string): never => {
    throw new WeightsError({ file: file.source.name, tensor, expected, found });
  };
  const shape = (name: string, rank: number): readonly number[] => {
    const info = file.tensors.get(name) ?? fail(name, `${rank} dimensions`, 'no such tensor');
    if (info.shape.length !== rank || info.shape.includes(0))
      fail(name, `${rank} dimensions`, `[${info.shape}]`);
    return info.shape;
  };
  const names = [...file.tensors.keys()];
  const unknown = names.find((name) => !learnable.test(name) && !unused.test(name));
  if (unknown !== undefined)
    fail(unknown, "only the published prompt learner's tensors", 'an unknown tensor');
  const tensors = names.filter((name) => learnable.test(name));
  const ignored = names.filter((name) => unused.test(name));

  const [, , normalTokens, width] = shape('ctx_pos', 4) as [number, number, number, number];
  const [, prompts, abnormalTokens] = shape('ctx_neg', 4) as [number, number, number];
  const layers = tensors.filter((name) => name.startsWith('compound_prompts_text.')).length;
  const layerTokens = layers > 0 ? shape('compound_prompts_text.0', 2)[0]! : 0;
  // AnomalyCLIP has no prior, and its abnormality prompt does not begin with the normal one's tokens.
  if (!file.tensors.has('patch_meta_net.linear1.weight'))
    return { method: 'AnomalyCLIP', tensors, ignored, options: undefined };
  const inputs = shape('patch_meta_net.linear1.weight', 2)[1]!;
  const embed = shape('patch_meta_net.linear2.weight', 2)[0]!;
  if (embed !== width || inputs % embed !== 0)
    fail('patch_meta_net.linear1.weight', `a multiple of ${width} inputs`, `${inputs}`);
  return {
    method: 'FAPrompt',
    tensors,
    ignored,
    options: {
      ...presets.official,
      normalTokens,
      abnormalTokens,
      prompts,
      patches: inputs / embed,
      layerTokens,
      layerDepth: layers + 1,
    },
  };
}

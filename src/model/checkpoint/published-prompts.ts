// What was learned by the published PyTorch code: FAPrompt's and AnomalyCLIP's epoch_15.pth, CoOp's and CoCoOp's
// model.pth.tar-50 (Dassl), APRIL-GAN's mvtec_pretrained.pth.

import { WeightsError } from '../../formats/errors.ts';
import type { TensorFile } from '../../formats/tensor-file.ts';
import { presets } from '../faprompt/options.ts';
import { aprilGan, aprilGanDefaults } from '../methods/april-gan/april-gan.ts';
import { cocoopDefaults, coop, coopDefaults } from '../methods/coop/coop.ts';
import { faprompt } from '../methods/faprompt/faprompt.ts';
import type { Method } from '../methods/method.ts';
import { unwrap, unwrapped } from './unwrap.ts';

export interface PublishedPrompts {
  /** In the sizes of the tensors. */
  readonly method: Method;
  /** The learnable tensors, under the names that the method's shapes have too. */
  readonly tensors: readonly string[];
  /** Stored by the published code and never used, or made again from the CLIP. */
  readonly ignored: readonly string[];
}

/** A kind of checkpoint: a tensor that only it has, its learnables, and what is left out of it. */
interface Kind {
  readonly anchor: string;
  readonly learnable: RegExp;
  readonly unused: RegExp;
  method(file: TensorFile, shape: (name: string, rank: number) => readonly number[], fail: Fail): Method;
}

type Fail = (tensor: string, expected: string, found: string) => never;

const kinds: readonly Kind[] = [
  {
    anchor: 'ctx_pos',
    learnable: /^(ctx_pos|ctx_neg|compound_prompts_text\.\d+|patch_meta_net\.linear[12]\.(weight|bias))$/,
    unused:
      /^(compound_prompt_projections\.\d+\.(weight|bias)|token_(prefix|suffix)_(pos|neg)|tokenized_prompts_(pos|neg))$/,
    method: promptPair,
  },
  {
    anchor: 'ctx',
    learnable: /^(ctx|meta_net\.linear[12]\.(weight|bias))$/,
    unused: /^token_(prefix|suffix)$/,
    method(file, shape) {
      const [context] = shape('ctx', 2) as [number];
      if (file.tensors.has('meta_net.linear1.weight'))
        return coop('cocoop-original', 'CoCoOp, its own paper', { ...cocoopDefaults, context });
      return coop('coop', 'CoOp', { ...coopDefaults, context });
    },
  },
  {
    anchor: 'fc.0.weight',
    learnable: /^fc\.\d+\.(weight|bias)$/,
    unused: /^$/,
    method(file) {
      const taps = [...file.tensors.keys()].filter((name) => name.endsWith('.weight')).length;
      return aprilGan('april-gan', 'APRIL-GAN', { ...aprilGanDefaults, taps });
    },
  },
];

/** FAPrompt, or AnomalyCLIP: that has no prior, and its abnormality prompt does not begin with the normal one's tokens. */
function promptPair(
  file: TensorFile,
  shape: (name: string, rank: number) => readonly number[],
  fail: Fail,
): Method {
  const [, , normalTokens, width] = shape('ctx_pos', 4) as [number, number, number, number];
  const [, prompts, abnormalTokens] = shape('ctx_neg', 4) as [number, number, number];
  const layers = [...file.tensors.keys()].filter((name) => name.startsWith('compound_prompts_text.')).length;
  const layerTokens = layers > 0 ? shape('compound_prompts_text.0', 2)[0]! : 1;
  const sizes = { normalTokens, abnormalTokens, prompts, layerTokens, layerDepth: layers + 1 };
  if (!file.tensors.has('patch_meta_net.linear1.weight'))
    return faprompt('anomalyclip', 'AnomalyCLIP', { ...presets.anomalyclip, ...sizes });
  const inputs = shape('patch_meta_net.linear1.weight', 2)[1]!;
  const embed = shape('patch_meta_net.linear2.weight', 2)[0]!;
  if (embed !== width || inputs % embed !== 0)
    fail('patch_meta_net.linear1.weight', `a multiple of ${width} inputs`, `${inputs}`);
  return faprompt('faprompt', 'FAPrompt', { ...presets.official, ...sizes, patches: inputs / embed });
}

/** The tensors of a published checkpoint under their own names; undefined for a file of something else. */
export function promptTensors(file: TensorFile): TensorFile | undefined {
  for (const { anchor, learnable } of kinds) {
    const found = unwrap(file, [anchor]);
    // Linear layers of these names are in many models: only a checkpoint of nothing else is one.
    if (!found || (anchor === 'fc.0.weight' && [...found.names.keys()].some((name) => !learnable.test(name))))
      continue;
    return unwrapped(file, found);
  }
  return undefined;
}

/**
 * Recognises a published checkpoint.
 * @throws WeightsError for a tensor that none has, and for shapes that do not fit together
 */
export function publishedPrompts(file: TensorFile): PublishedPrompts {
  const fail: Fail = (tensor, expected, found) => {
    throw new WeightsError({ file: file.source.name, tensor, expected, found });
  };
  const shape = (name: string, rank: number): readonly number[] => {
    const info = file.tensors.get(name) ?? fail(name, `${rank} dimensions`, 'no such tensor');
    if (info.shape.length !== rank || info.shape.includes(0))
      fail(name, `${rank} dimensions`, `[${info.shape}]`);
    return info.shape;
  };
  const { learnable, unused, method } = kinds.find(({ anchor }) => file.tensors.has(anchor)) ?? kinds[0]!;
  const names = [...file.tensors.keys()];
  const unknown = names.find((name) => !learnable.test(name) && !unused.test(name));
  if (unknown !== undefined)
    fail(unknown, "only the published prompt learner's tensors", 'an unknown tensor');
  return {
    method: method(file, shape, fail),
    tensors: names.filter((name) => learnable.test(name)),
    ignored: names.filter((name) => unused.test(name)),
  };
}

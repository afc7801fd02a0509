// Checkpoints of FiLo's published code (filo_train_on_mvtec.pth): the learnables, beside the whole CLIP.
import { WeightsError } from '../../formats/errors.ts';
import type { TensorFile } from '../../formats/tensor-file.ts';
import type { ClipConfig } from '../clip/config.ts';
import { checkLearnables } from '../faprompt/learnables.ts';
import { filo } from '../methods/filo/filo.ts';
import { filoDefaults } from '../methods/filo/options.ts';
import type { Method } from '../methods/method.ts';
import { unwrap, unwrapped } from './unwrap.ts';

const learnable =
  /^((ab)?normal_prompt_learner\.(ctx|meta_net\.linear[12]\.(weight|bias))|decoder_linear\.fc\.\d+\.(weight|bias)|decoder_cov\.fc_\d\d\.\d+\.(weight|bias)|adapter\.fc\.[02]\.weight)$/;

/** The tensors of FiLo's checkpoint under their own names; undefined for a file of something else. */
export function filoTensors(file: TensorFile): TensorFile | undefined {
  const found = unwrap(file, ['normal_prompt_learner.ctx']);
  return found && unwrapped(file, found);
}

/**
 * What was learned in a published checkpoint: the method with its sizes, and its tensors' names. The published taps are
 * changed by additions in place: the checkpoint was trained on those.
 * @throws WeightsError for tensors that are not those of a CLIP of this configuration
 */
export function publishedFilo(
  file: TensorFile,
  config: ClipConfig,
): { method: Method; tensors: readonly string[] } {
  const names = [...file.tensors.keys()].filter((name) => learnable.test(name));
  const fail = (tensor: string, expected: string, found: string): never => {
    throw new WeightsError({ file: file.source.name, tensor, expected, found });
  };
  const ctx = 'normal_prompt_learner.ctx';
  const { shape } = file.tensors.get(ctx)!;
  if (shape.length !== 2 || shape.includes(0)) fail(ctx, 'shape [vectors, width]', `[${shape}]`);
  const taps = names.filter((name) => /^decoder_linear\.fc\.\d+\.weight$/.test(name)).length;
  if (taps < 2) fail('decoder_linear.fc.0.weight', 'two linear layers or more', `${taps}`);
  const options = { ...filoDefaults, tokens: shape[0]!, taps, aliasedTaps: true };
  const method = filo('filo', 'FiLO', options);
  const found = new Map(names.map((name) => [name, file.tensors.get(name)!]));
  checkLearnables(found, method.learning!.shapes(config), file.source.name);
  return { method, tensors: names };
}

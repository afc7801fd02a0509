// The trained CLIP as a weights file like any other.
import { defectsOf, familiesOf } from '../../data/synth/roles.ts';
import { float16Tensor, type TensorData, writeSafetensors } from '../../formats/safetensors.ts';
import { clipMetadata, clipTensorShapes } from '../../model/clip/config.ts';
import { wordListMetadata } from '../../model/clip/tokenizer/tokenizer.ts';
import type { PretrainSettings } from './settings.ts';
import type { PretrainSnapshot } from './trainer.ts';

/**
 * A safetensors file in F16 under OpenAI's names, with the vocabulary and how it was made.
 * @param about further metadata
 */
export function exportClip(
  { step, state }: PretrainSnapshot,
  settings: PretrainSettings,
  about: Readonly<Record<string, string>>,
): Uint8Array {
  const { config, words, ...training } = settings;
  const tensors = new Map<string, TensorData>();
  for (const [name, shape] of clipTensorShapes(config))
    tensors.set(name, float16Tensor(shape, state.parameters.get(name)!));
  const families = familiesOf('pretrain');
  const data = { families, defects: [...new Set(families.flatMap(defectsOf))].sort() };
  return writeSafetensors(tensors, {
    made_by: 'faprompt pretrain',
    steps: `${step}`,
    training: JSON.stringify(training),
    data: JSON.stringify(data),
    ...about,
    ...clipMetadata(config),
    ...wordListMetadata(words),
  });
}

// The trained CLIP as a weights file like any other.
import { clipMetadata, clipTensorShapes } from '../../model/clip/config.ts';
import { float16Tensor, type TensorData, writeSafetensors } from '../../model/clip/safetensors.ts';
import { wordListMetadata } from '../../model/clip/tokenizer.ts';
import type { PretrainSettings } from './settings.ts';

/** A safetensors file in F16 under OpenAI's names, with the vocabulary; `about` says how it was made. */
export function exportClip(
  parameters: ReadonlyMap<string, Float32Array>,
  { config, words }: PretrainSettings,
  about: Readonly<Record<string, string>>,
): Uint8Array {
  const tensors = new Map<string, TensorData>();
  for (const [name, shape] of clipTensorShapes(config))
    tensors.set(name, float16Tensor(shape, parameters.get(name)!));
  return writeSafetensors(tensors, { ...about, ...clipMetadata(config), ...wordListMetadata(words) });
}

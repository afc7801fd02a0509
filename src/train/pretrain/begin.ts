// Weights that a run begins with: those of a CLIP that has a word list of its own, as what `pretrain` writes has.
import { WeightsError } from '../../formats/errors.ts';
import type { TensorFile } from '../../formats/tensor-file.ts';
import { isBlip } from '../../model/blip/config.ts';
import { type ClipConfig, clipConfigOf, clipTensorShapes } from '../../model/clip/config.ts';
import { checkFinite } from '../../model/clip/finite.ts';
import { initialClipWeights } from '../../model/clip/initial.ts';
import { rowsForWords } from '../../model/clip/tokenizer/rows.ts';
import { tokenizerForWeights, wordsFromMetadata } from '../../model/clip/tokenizer/tokenizer.ts';
import { textLength } from './settings.ts';

export interface Beginning {
  readonly config: ClipConfig;
  /** The file's own words, then those that it lacks. */
  readonly words: readonly string[];
  readonly parameters: ReadonlyMap<string, Float32Array>;
}

/**
 * @param words that captions use; what the file lacks begins as in a CLIP from scratch
 * @param seed of those words' embeddings
 * @throws WeightsError
 */
export async function readBeginning(
  file: TensorFile,
  words: readonly string[],
  seed: number,
): Promise<Beginning> {
  const name = file.source.name;
  const fail = (expected: string, found: string): never => {
    throw new WeightsError({ file: name, expected, found });
  };
  const read = clipConfigOf(file);
  if (isBlip(read)) fail('a CLIP', 'a BLIP');
  const own = wordsFromMetadata(file.metadata, name) ?? fail('a word list in __metadata__.words', 'none');
  tokenizerForWeights(file, read.vocabSize); // the list is a vocabulary, and has as many words as the table has rows
  if (read.contextLength < textLength)
    fail(`a context of at least ${textLength} tokens`, `${read.contextLength}`);
  const known = new Set(own);
  const all = [...own, ...words.filter((word) => !known.has(word))];
  const config = { ...read, vocabSize: all.length + 2 };
  const parameters = new Map<string, Float32Array>();
  const embedding = 'token_embedding.weight';
  for (const tensor of clipTensorShapes(config).keys()) {
    const values = checkFinite(await file.readFloat32(tensor), name, tensor);
    parameters.set(tensor, values);
  }
  const fresh = initialClipWeights(config, seed).get(embedding)!;
  return {
    config,
    words: all,
    parameters: parameters.set(embedding, rowsForWords(parameters.get(embedding)!, own, all, fresh)),
  };
}

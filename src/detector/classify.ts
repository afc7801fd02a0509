// Plain CLIP's zero-shot classification; loaded when it is first asked for, as OpenAI's tokenizer is large.
import type { RgbImage } from '../data/image.ts';
import { logitScale } from '../model/clip/weights.ts';
import {
  imageFeature,
  preprocessForZeroShot,
  textFeatures,
  textTokens,
  zeroShot,
} from '../model/clip/zero-shot.ts';
import { checkProbabilities } from '../model/faprompt/verdict.ts';
import type { Model } from './model.ts';
import { anyTextTokenizer, type LazyVocabulary } from './written.ts';

export async function classifyImage(
  { gpu, clip, file }: Model,
  name: string,
  image: RgbImage,
  texts: readonly string[],
  vocabulary: LazyVocabulary | undefined,
): Promise<{ text: string; probability: number; cosine: number }[]> {
  const tokenizer = await anyTextTokenizer(clip, { vocabulary });
  const input = await preprocessForZeroShot(gpu, clip, image);
  const feature = await imageFeature(gpu, clip, input);
  const features = await textFeatures(
    gpu,
    clip,
    texts.map((text) => textTokens(clip, tokenizer, text)),
  );
  const { probabilities, cosines } = zeroShot(feature, features, await logitScale(file));
  checkProbabilities(probabilities, name);
  return texts.map((text, i) => ({ text, probability: probabilities[i]!, cosine: cosines[i]! }));
}

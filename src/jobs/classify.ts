// Plain CLIP's zero-shot classification, for the command and the library.
import type { RgbImage } from '../data/image.ts';
import type { Gpu } from '../gpu/gpu.ts';
import type { Tokenizer } from '../model/clip/tokenizer/tokenizer.ts';
import type { Clip } from '../model/clip/weights.ts';
import {
  imageFeature,
  preprocessForZeroShot,
  textFeatures,
  textTokens,
  zeroShot,
} from '../model/clip/zero-shot.ts';
import { checkProbabilities } from '../model/faprompt/verdict.ts';

export interface ClassifiedText {
  readonly text: string;
  readonly probability: number;
  readonly cosine: number;
}

/**
 * Which of the texts describes an image.
 * @param name the image's, for messages
 * @throws TokenizerError, ScoreError for what is not finite
 */
export async function classifyByTexts(
  { gpu, clip }: { readonly gpu: Gpu; readonly clip: Clip },
  tokenizer: Tokenizer,
  { image, name }: { readonly image: RgbImage; readonly name: string },
  texts: readonly string[],
): Promise<ClassifiedText[]> {
  const feature = await imageFeature(gpu, clip, await preprocessForZeroShot(gpu, clip, image));
  const tokens = texts.map((text) => textTokens(clip, tokenizer, text));
  const features = await textFeatures(gpu, clip, tokens);
  const { probabilities, cosines } = zeroShot(feature, features, await clip.logitScale());
  checkProbabilities(probabilities, name);
  return texts.map((text, i) => ({ text, probability: probabilities[i]!, cosine: cosines[i]! }));
}

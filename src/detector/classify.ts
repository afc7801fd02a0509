// Plain CLIP's zero-shot classification; loaded when it is first asked for, as OpenAI's tokenizer is large.
import type { RgbImage } from '../data/image.ts';
import { type ClassifiedText, classifyByTexts } from '../jobs/classify.ts';
import type { Model } from './model.ts';
import { anyTextTokenizer, type LazyVocabulary } from './written.ts';

export async function classifyImage(
  model: Model,
  image: { readonly image: RgbImage; readonly name: string },
  texts: readonly string[],
  vocabulary: LazyVocabulary | undefined,
): Promise<ClassifiedText[]> {
  // The probability of one text is 1, whatever the image shows.
  if (!Array.isArray(texts) || new Set(texts).size < 2 || !texts.every((text) => typeof text === 'string'))
    throw new RangeError('texts: expected a list of two different texts or more');
  return classifyByTexts(model, await anyTextTokenizer(model.clip, { vocabulary }), image, texts);
}

// From hand-written texts to prototypes.
import { TokenizerError } from '../../formats/errors.ts';
import type { Tokenizer } from '../clip/tokenizer/tokenizer.ts';
import type { Clip } from '../clip/weights.ts';
import { textFeatures, textTokens } from '../clip/zero-shot.ts';
import type { ScorerTarget } from '../scorer.ts';

/** What is averaged: unit features (CLIP, APRIL-GAN), or features as they are (WinCLIP, AnoVL). */
export type Mean = 'unit' | 'raw';

export interface Texts {
  readonly normal: readonly string[];
  readonly abnormal: readonly string[];
}

export interface Prototypes {
  /** Unit vectors, the normal one first: [2, E]. */
  readonly values: Float32Array;
  /** Texts with words that the vocabulary lacks: they are left out. */
  readonly dropped: readonly string[];
}

type OnClip = Pick<ScorerTarget, 'gpu' | 'clip'>;

/** @throws TokenizerError if the vocabulary cannot express a single text of either kind */
export async function writtenPrototypes(
  { gpu, clip, tokenizer }: OnClip & { readonly tokenizer: Tokenizer },
  texts: Texts,
  mean: Mean,
): Promise<Prototypes> {
  const { tokens, dropped } = knownTexts(clip, tokenizer, texts);
  return { values: await prototypesOf({ gpu, clip }, tokens, mean), dropped };
}

/** Ids of each text, start and end token included. */
type Tokens = readonly (Int32Array | readonly number[])[];

/** The same of token ids. */
export async function prototypesOf(
  { gpu, clip }: OnClip,
  { normal, abnormal }: { readonly normal: Tokens; readonly abnormal: Tokens },
  mean: Mean,
): Promise<Float32Array> {
  const { embedDim } = clip.config;
  const values = new Float32Array(2 * embedDim);
  for (const [row, tokens] of [normal, abnormal].entries())
    values.set(unitMean(await textFeatures(gpu, clip, tokens, { unit: mean === 'unit' })), row * embedDim);
  return values;
}

/** The unit vector of the mean. */
export function unitMean(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float64Array(vectors[0]!.length);
  for (const vector of vectors) for (const [i, x] of vector.entries()) sum[i]! += x;
  const norm = Math.hypot(...sum);
  return Float32Array.from(sum, (x) => x / norm);
}

/** Whether a vocabulary can express a text. */
export function isKnown(tokenizer: Tokenizer, text: string): boolean {
  try {
    return tokenizer.encode(text).length > 0;
  } catch (error) {
    if (error instanceof TokenizerError) return false;
    throw error;
  }
}

/** A class's name as the vocabulary can say it: as it is, with spaces for underscores, or "object". */
export const spokenName = (tokenizer: Tokenizer, name: string): string =>
  [name, name.replaceAll('_', ' ')].find((form) => isKnown(tokenizer, form)) ?? 'object';

/**
 * What `encode` makes of the texts that a vocabulary can express.
 * @param dropped the others are added to it
 * @throws TokenizerError if there is none
 */
export function encodeKnown<Text extends { readonly text: string }, Encoded>(
  texts: readonly Text[],
  encode: (text: Text) => Encoded,
  dropped: string[],
): Encoded[] {
  let problem: TokenizerError | undefined;
  const found = texts.flatMap((each) => {
    try {
      return [encode(each)];
    } catch (error) {
      if (!(error instanceof TokenizerError)) throw error;
      problem ??= error;
      dropped.push(each.text);
      return [];
    }
  });
  if (found.length === 0) throw problem ?? new RangeError('expected texts of both kinds');
  return found;
}

/**
 * Tokens of the texts that the vocabulary can express.
 * @throws TokenizerError if there is none of either kind
 */
export function knownTexts(clip: Clip, tokenizer: Tokenizer, texts: Texts) {
  const dropped: string[] = [];
  const known = (list: readonly string[]) =>
    encodeKnown(
      list.map((text) => ({ text })),
      ({ text }) => textTokens(clip, tokenizer, text),
      dropped,
    );
  return { tokens: { normal: known(texts.normal), abnormal: known(texts.abnormal) }, dropped };
}

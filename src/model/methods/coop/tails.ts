// What follows the learnable context in a prompt: state, class name, full stop, end token.
import { TokenizerError } from '../../../formats/errors.ts';
import type { Tokenizer } from '../../clip/tokenizer/tokenizer.ts';
import type { Clip } from '../../clip/weights.ts';
import { spokenName } from '../texts.ts';

export interface ClassTails {
  /** Embedding of the start token: [D]. */
  readonly start: Float32Array;
  /** Class -> token ids of the normal and the abnormal tail, end token included. */
  readonly of: ReadonlyMap<string, readonly [readonly number[], readonly number[]]>;
  readonly rows: ReadonlyMap<number, Float32Array>;
  /** Tokens of the longest tail. */
  readonly length: number;
  readonly width: number;
}

interface States {
  readonly context: number;
  readonly normal: string;
  readonly abnormal: string;
}

/** @throws TokenizerError for a class that the vocabulary cannot express, or a prompt that is too long */
export async function classTails(
  clip: Clip,
  tokenizer: Tokenizer,
  { context, normal, abnormal }: States,
  classes: readonly string[],
): Promise<ClassTails> {
  const ids = (state: string, name: string): number[] => {
    const text = `${state.replaceAll('{class}', spokenName(tokenizer, name.replaceAll('_', ' ')))} .`;
    const found = [...tokenizer.encode(text), tokenizer.eot];
    const { contextLength } = clip.config;
    if (1 + context + found.length > contextLength)
      throw new TokenizerError({
        text,
        expected: `at most ${contextLength} tokens with ${context} learnable ones, start and end`,
        found: `${1 + context + found.length}`,
      });
    return found;
  };
  const of = new Map(
    [...new Set(classes)].map((name) => [name, [ids(normal, name), ids(abnormal, name)] as const]),
  );
  return tailsOf(clip, tokenizer.sot, of);
}

/** The same of token ids. */
export async function tailsOf(
  { config, tokenRows }: Pick<Clip, 'config' | 'tokenRows'>,
  sot: number,
  of: ClassTails['of'],
): Promise<ClassTails> {
  const all = [...of.values()].flat();
  const rows = await tokenRows([...new Set([sot, ...all.flat()])]);
  return {
    start: rows.get(sot)!,
    of,
    rows,
    length: Math.max(...all.map((tail) => tail.length)),
    width: config.textWidth,
  };
}

/** Tails of classes, one after the other, normal first: [2 U, L, D], and the row of each text's end token [2 U]. */
export function tailsFeed(
  { of, rows, length, width }: ClassTails,
  context: number,
  classes: readonly string[],
): { tails: Float32Array; ends: Int32Array } {
  const texts = classes.flatMap((name) => of.get(name)!);
  const tails = new Float32Array(texts.length * length * width);
  texts.forEach((ids, text) => {
    ids.forEach((id, i) => {
      tails.set(rows.get(id)!, (text * length + i) * width);
    });
  });
  return { tails, ends: Int32Array.from(texts, (ids) => context + ids.length) };
}

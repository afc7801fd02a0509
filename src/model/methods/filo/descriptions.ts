// Descriptions of defects for each class, written by a language model, and the texts that are made of them.
import { TokenizerError } from '../../../formats/errors.ts';
import type { Tokenizer } from '../../clip/tokenizer/tokenizer.ts';
import type { Clip } from '../../clip/weights.ts';
import type { Fail } from '../method.ts';
import { encodeKnown } from '../texts.ts';
import type { Side } from './forward.ts';

/** Class -> what its defects look like: "cracked large", "missing cap". */
export type Descriptions = Readonly<Record<string, readonly string[]>>;

/**
 * Descriptions as JSON has them: class -> a list of texts, or one text with commas between them, as the published lists
 * are; or the same one level deeper, by data set.
 */
export function parseDescriptions(value: unknown, field: string, fail: Fail): Descriptions {
  const found: Record<string, readonly string[]> = {};
  const isRecord = (x: unknown): x is Record<string, unknown> =>
    typeof x === 'object' && x !== null && !Array.isArray(x);
  if (!isRecord(value)) return fail(field, 'an object of classes', JSON.stringify(value) ?? 'nothing');
  const visit = (classes: Record<string, unknown>, at: string, deep: boolean): void => {
    for (const [name, entry] of Object.entries(classes)) {
      const where = at === '' ? name : `${at}.${name}`;
      if (isRecord(entry) && !deep) {
        visit(entry, where, true);
        continue;
      }
      const texts = typeof entry === 'string' ? entry.split(',') : entry;
      if (
        !Array.isArray(texts) ||
        texts.length === 0 ||
        !texts.every((text) => typeof text === 'string' && text.trim())
      )
        fail(where, 'a list of texts, or one text with commas', JSON.stringify(entry) ?? 'nothing');
      found[name] = (texts as string[]).map((text) => text.trim());
    }
  };
  visit(value, field, false);
  return found;
}

const plain = (name: string): string => name.replaceAll('_', ' ').toLowerCase().trim();

/** Descriptions of a class; none where the file does not know it. */
export function describedAs(descriptions: Descriptions, className: string): readonly string[] {
  const wanted = plain(className);
  return Object.entries(descriptions).find(([name]) => plain(name) === wanted)?.[1] ?? [];
}

/** A class's name in the texts: with spaces, and those that are numbered (pcb1, macaroni2) without the number. */
export const spokenClass = (descriptions: Descriptions, className: string): string => {
  const name = className.replaceAll('_', ' ');
  return describedAs(descriptions, className).length > 0 ? name.replace(/(\p{L})\d+$/u, '$1') : name;
};

export interface FiloWords {
  readonly normal: readonly string[];
  /** States of any object, after the described ones. */
  readonly abnormal: readonly string[];
  readonly positions: readonly string[];
  readonly descriptions: Descriptions;
}

/** A text's tokens behind the learnable vectors, end token included. */
export interface Tail {
  readonly ids: readonly number[];
  /** Number of the position that it names; -1: none. */
  readonly position: number;
}

export interface ClassTexts {
  readonly tails: Readonly<Record<Side, readonly Tail[]>>;
  /** Texts with words that the vocabulary lacks: they are left out. */
  readonly dropped: readonly string[];
}

/**
 * Texts of a class: normal states, and every abnormal state at every position.
 * @param tokens learnable vectors before them
 * @throws TokenizerError if the vocabulary cannot express a single text of either kind
 */
export function classTexts(
  { config }: Pick<Clip, 'config'>,
  tokenizer: Tokenizer,
  { tokens, ...words }: FiloWords & { readonly tokens: number },
  className: string,
): ClassTexts {
  const name = spokenClass(words.descriptions, className);
  const described = describedAs(words.descriptions, className).map((text) => `abnormal {} with ${text}`);
  const states = [...described, ...words.abnormal];
  const dropped: string[] = [];
  const known = (texts: readonly { text: string; position: number }[]): Tail[] =>
    encodeKnown(
      texts,
      ({ text, position }) => {
        const ids = [...tokenizer.encode(text), tokenizer.eot];
        const length = 1 + tokens + ids.length;
        if (length > config.contextLength)
          throw new TokenizerError({
            text,
            expected: `at most ${config.contextLength} tokens with ${tokens} learnable ones, start and end`,
            found: `${length}`,
          });
        return { ids, position };
      },
      dropped,
    );
  const say = (state: string) => state.replaceAll('{}', name);
  return {
    tails: {
      normal: known(words.normal.map((state) => ({ text: `${say(state)}.`, position: -1 }))),
      abnormal: known(
        states.flatMap((state) =>
          words.positions.map((place, position) => ({ text: `${say(state)} at ${place}.`, position })),
        ),
      ),
    },
    dropped,
  };
}

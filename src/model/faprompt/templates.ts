// The two prompt templates as token ids, and the embeddings of their fixed words.
import type { ClipConfig } from '../clip/config.ts';
import type { Tokenizer } from '../clip/tokenizer/tokenizer.ts';
import type { FapromptOptions } from './options.ts';

/** Token ids from the start token to the end token, with placeholders where learnable tokens go. */
export interface Templates {
  readonly normal: Int32Array;
  readonly abnormal: Int32Array;
}

/**
 * Normal: [SOT] V1..VE object . [EOT]; abnormality: [SOT] V1..VE A1..AE' damaged object . [EOT], without V if it is
 * not compound; `paper` leaves out "damaged" and ".".
 */
export function promptTemplates(tokenizer: Tokenizer, options: FapromptOptions): Templates {
  const { normalTokens, template } = options;
  const code = template === 'code';
  const words = tokenizer.encode(code ? 'object .' : 'object');
  const ids = (placeholders: number, tail: readonly number[]) =>
    Int32Array.from([tokenizer.sot, ...Array<number>(placeholders).fill(words[0]!), ...tail, tokenizer.eot]);
  return {
    normal: ids(normalTokens, words),
    abnormal: ids(abnormalityTokens(options), code ? [...tokenizer.encode('damaged'), ...words] : words),
  };
}

/** Tokens of an abnormality prompt that the normal prompt has as well. */
export const sharedTokens = ({ compound, normalTokens }: FapromptOptions): number =>
  compound ? normalTokens : 0;

/** All learnable tokens of an abnormality prompt. */
const abnormalityTokens = (options: FapromptOptions): number =>
  sharedTokens(options) + options.abnormalTokens;

/** Cuts rows of `context` ids after their end token, which has the largest id, as CLIP finds it. */
export function cutAfterEnd(ids: Int32Array): Int32Array {
  const end = ids.indexOf(ids.reduce((a, b) => Math.max(a, b)));
  return ids.slice(0, end + 1);
}

/** The rows of the token embedding that the templates use: id -> [D]. Nothing else of that table is needed. */
export type TokenRows = ReadonlyMap<number, Float32Array>;

export const usedTokens = ({ normal, abnormal }: Templates): number[] =>
  [...new Set([...normal, ...abnormal])].sort((a, b) => a - b);

/** The parts of a FAPrompt that do not change: configuration and fixed words. */
export interface FapromptModel {
  readonly clip: ClipConfig;
  readonly options: FapromptOptions;
  readonly templates: Templates;
  readonly rows: TokenRows;
  /** Unit prototypes of a written pair, the normal one first [2, E]: what `knowledgeWeight` keeps the prompts near. */
  readonly written?: Float32Array;
}

// Who scores the images of a class: trained prompts, or hand-written ones.

import type { Prompts } from '../model/faprompt/prompts-file.ts';
import { createScorer, type Scorer } from '../model/faprompt/scorer.ts';
import { namesClass, type WrittenPrompts } from '../model/methods/written.ts';
import { createWrittenScorer, type WrittenScorer } from '../model/methods/written-scorer.ts';
import type { ClipSession } from './session.ts';
import { openTokenizer } from './vocabulary.ts';

export interface Scorers {
  /** Side of their maps in pixels. */
  readonly size: number;
  of(className: string): Promise<Scorer>;
  dispose(): void;
}

/** The same trained prompts for every class. */
export async function promptScorers({ gpu, clip }: ClipSession, prompts: Prompts): Promise<Scorers> {
  const { options, learnables, imageSize: size } = prompts;
  const scorer = await createScorer(gpu, clip, options, learnables, size);
  return { size, of: async () => scorer, dispose: () => scorer.dispose() };
}

/**
 * Hand-written prompts, which may name the class.
 * @param onDropped told once of each phrase with words that the vocabulary lacks
 * @param vocabulary file of CLIP's vocabulary, where it does not lie beside the weights
 */
export async function writtenScorers(
  { gpu, clip, folder }: ClipSession,
  prompts: WrittenPrompts,
  size: number,
  onDropped: (phrase: string) => void,
  vocabulary?: string,
): Promise<Scorers> {
  const tokenizer = await openTokenizer(clip, vocabulary, folder);
  const made = new Map<string, WrittenScorer>();
  const dropped = new Set<string>();
  return {
    size,
    async of(className) {
      const key = namesClass(prompts) ? className : '';
      const known = made.get(key);
      if (known) return known;
      const scorer = await createWrittenScorer(gpu, clip, tokenizer, prompts, size, className);
      made.set(key, scorer);
      for (const phrase of scorer.dropped) {
        if (!dropped.has(phrase)) onDropped(phrase);
        dropped.add(phrase);
      }
      return scorer;
    },
    dispose() {
      for (const scorer of made.values()) scorer.dispose();
    },
  };
}

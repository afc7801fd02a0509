// Scorers of hand-written prompts for the classes of a data set.
import type { Tokenizer } from '../model/clip/tokenizer/tokenizer.ts';
import type { Scorer } from '../model/faprompt/scorer.ts';
import type { WrittenMethod } from '../model/methods/method.ts';
import { namesClass } from '../model/methods/written.ts';
import { createWrittenScorer } from '../model/methods/written-scorer.ts';
import type { ClassScorers } from './evaluation.ts';
import type { Io } from './io.ts';
import type { ClipSession } from './session.ts';

/** One scorer for each class, or for all where the prompts do not name the class. Says which phrases are left out. */
export function writtenScorers(
  io: Io,
  { gpu, clip }: ClipSession,
  tokenizer: Tokenizer,
  { name, prompts }: WrittenMethod,
  size: number,
): ClassScorers {
  const made = new Map<string, Scorer>();
  return {
    async of(className) {
      const key = namesClass(prompts) ? className : '';
      const known = made.get(key);
      if (known) return known;
      const scorer = await createWrittenScorer(gpu, clip, tokenizer, prompts, size, className);
      made.set(key, scorer);
      if (scorer.dropped.length > 0)
        io.note(
          `${name}: ${scorer.dropped.length} phrases are left out, as the CLIP's vocabulary lacks a word ("${scorer.dropped[0]}")`,
        );
      return scorer;
    },
    dispose() {
      for (const scorer of made.values()) scorer.dispose();
    },
  };
}

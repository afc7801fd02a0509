import type { Tensor } from '../../kernels/tensor.ts';
import type { ModelGraph } from '../context.ts';
import { compileScorer, type Scorer, type ScorerGraph } from '../scorer.ts';
import type { ScorerSetup } from './method.ts';
import { type Mean, writtenPrototypes } from './texts.ts';
import { spokenPhrases, type Underscores, type WrittenPrompts } from './written.ts';

/**
 * A scorer on the prototypes of hand-written prompts, and the texts that the vocabulary cannot express.
 * @param build maps and scores from the features of images and the prototypes [1, 2, E]
 */
export async function writtenScorer(
  { className, tokenizer, ...target }: ScorerSetup,
  prompts: WrittenPrompts,
  { mean, underscores }: { readonly mean: Mean; readonly underscores?: Underscores },
  build: (context: ModelGraph, features: Readonly<Record<string, Tensor>>, prototypes: Tensor) => ScorerGraph,
): Promise<Scorer & { readonly dropped: readonly string[] }> {
  const { clip } = target;
  const words = (await tokenizer?.()) ?? clip.tokenizer;
  const texts = spokenPhrases(prompts, words, className, underscores);
  const { values, dropped } = await writtenPrototypes({ ...target, tokenizer: words }, texts, mean);
  const scorer = await compileScorer(target, (context, features) => {
    const prototypes = context.graph.constant('prototypes', values, [1, 2, clip.config.embedDim]);
    return build(context, features, prototypes);
  });
  return { ...scorer, dropped };
}

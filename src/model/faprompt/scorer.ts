import { fapromptNeeds } from '../clip/needs.ts';
import type { ImageFeatures } from '../clip/vision.ts';
import type { Clip } from '../clip/weights.ts';
import { compileScorer, type Learned, type Scorer, type ScorerTarget } from '../scorer.ts';
import { forward } from './forward.ts';
import { checkLearnables, learnableShapes } from './learnables.ts';
import type { FapromptOptions } from './options.ts';
import { anomalyMap, smoothedMap, smoothingSigma } from './score.ts';
import { promptTemplates, type TokenRows, usedTokens } from './templates.ts';

/** Templates and their embedding rows for a CLIP: what `forward` needs besides weights and learnables. */
export async function loadTemplates(clip: Clip, options: FapromptOptions) {
  const templates = promptTemplates(clip.tokenizer, options);
  const rows: TokenRows = await clip.tokenRows(usedTokens(templates));
  return { clip: clip.config, options, templates, rows };
}

/** @param learnables values under the published names */
export async function createScorer(
  { gpu, clip, size }: Omit<ScorerTarget, 'needs'>,
  options: FapromptOptions,
  learnables: Learned,
): Promise<Scorer> {
  const shapes = learnableShapes(options, clip.config);
  checkLearnables(
    new Map([...shapes].filter(([name]) => learnables.has(name)).map(([name, shape]) => [name, { shape }])),
    shapes,
    'prompts',
  );
  const model = await loadTemplates(clip, options);
  return compileScorer({ gpu, clip, size, needs: fapromptNeeds(0) }, (context, { image, patches }) => {
    const features: ImageFeatures = { image: image!, patches: patches! };
    const result = forward(context, model, features, { size });
    return {
      map: smoothedMap(context, anomalyMap(context, result), smoothingSigma(size, options.sigma)),
      score: result.score,
      parameters: [...result.learnables.all].map(([name, tensor]) => ({
        tensor,
        values: learnables.get(name)!,
      })),
    };
  });
}

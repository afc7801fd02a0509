// FAPrompt's forward of one image with learned values, for those who look into it rather than at its score.
import type { Gpu } from '../../gpu/gpu.ts';
import { bindLearnables } from '../bound-learnables.ts';
import { fapromptNeeds } from '../clip/needs.ts';
import { createModelGraph } from '../context.ts';
import { featureInputs, type ScorerTarget } from '../scorer.ts';
import { forward } from './forward.ts';
import type { FapromptOptions } from './options.ts';
import { loadTemplates } from './scorer.ts';

/**
 * A graph from the features of one image, its inputs `image` [1, E] and `patches` [1, n, E], to the forward's result.
 * @param size side of the images in pixels
 * @returns also `bind`, which puts the learned values on the device, to be called when the graph is complete
 */
export async function forwardOfOne(
  { clip, size }: Omit<ScorerTarget, 'needs' | 'gpu'>,
  options: FapromptOptions,
  learnables: ReadonlyMap<string, Float32Array>,
) {
  const faprompt = await loadTemplates(clip, options);
  const context = createModelGraph(clip.weightSpec);
  const inputs = featureInputs(context, { clip, size, needs: fapromptNeeds(0) }, 1);
  const [image, patches] = [inputs.image!, inputs.patches!];
  const result = forward(context, faprompt, { image, patches }, { size });
  const bind = (gpu: Gpu) => {
    const values = [...result.learnables.all].map(([name, tensor]) => ({
      tensor,
      values: learnables.get(name)!,
    }));
    return bindLearnables(gpu, clip, context, values);
  };
  return { context, image, patches, result, bind };
}

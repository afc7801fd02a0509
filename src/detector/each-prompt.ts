// Each abnormality prompt alone, compiled when it is first asked for.
import { type AnomalyMap, squareMap } from '../data/heatmap.ts';
import type { Gpu } from '../gpu/gpu.ts';
import type { RunOptions } from '../graph/executor.ts';
import type { Features } from '../model/clip/image-encoder.ts';
import type { Clip } from '../model/clip/weights.ts';
import type { PromptDetection, PromptScorer } from '../model/faprompt/per-prompt.ts';
import { severalPrompts } from '../model/methods/faprompt/per-prompt.ts';
import type { Prompts } from '../model/methods/prompts-file.ts';
import { DetectorError } from './errors.ts';

export interface PromptView extends Omit<PromptDetection, 'map'> {
  readonly map: AnomalyMap;
}

export interface EachPrompt {
  /** @throws DetectorError 'bad-option' for prompts that are not several of FAPrompt's */
  score(features: Features, image: string, options?: RunOptions): Promise<PromptView[]>;
  dispose(): void;
}

/** @param size side of the maps in pixels */
export function eachPrompt(gpu: Gpu, clip: Clip, { method, learnables }: Prompts, size: number): EachPrompt {
  let opened: Promise<PromptScorer> | undefined;
  const open = async (): Promise<PromptScorer> => {
    const options = severalPrompts(method);
    if (!options)
      throw new DetectorError(
        'bad-option',
        `perPrompt: expected prompts of FAPrompt with several abnormality prompts, found ${method.title}`,
      );
    const { createPromptScorer } = await import('../model/faprompt/per-prompt.ts');
    return createPromptScorer({ gpu, clip, size }, options, learnables);
  };
  return {
    async score(features, image, options) {
      opened ??= open();
      const scorer = await opened.catch((error: unknown) => {
        opened = undefined; // the next call tries again
        throw error;
      });
      const found = await scorer.score(features, image, options);
      return found.map((one) => ({ ...one, map: squareMap(one.map) }));
    },
    dispose() {
      opened?.then(
        (scorer) => scorer.dispose(),
        () => {},
      );
      opened = undefined;
    },
  };
}

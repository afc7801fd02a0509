// The library in a browser.
import type { Detector as Loaded, LoadOptions, Training, TrainPromptsOptions } from './api.ts';
import type { PortableDetector } from './local.ts';
import { absoluteOptions, createDetector, trainWith } from './public.ts';
import { openRemote } from './remote.ts';

export type * from './api.ts';
export { DetectorError, type DetectorErrorKind } from './errors.ts';
export { listWeights, removeWeights, storageUse } from './storage/index.ts';

export type Detector = Loaded;

async function open(options: LoadOptions): Promise<PortableDetector> {
  const { worker = true } = options;
  if (worker !== false) return openRemote(options, worker === true ? undefined : worker);
  const [{ openLocal }, { browserEnvironment }] = await Promise.all([
    import('./local.ts'),
    import('./environment.browser.ts'),
  ]);
  return openLocal(browserEnvironment, options);
}

export const Detector = {
  /**
   * Loads a CLIP and prompts onto the GPU.
   * @throws DetectorError, or the signal's reason
   */
  load: async (options: LoadOptions): Promise<Loaded> => createDetector(await open(absoluteOptions(options))),
};

/** Trains prompts without a detector: loads the CLIP, trains, frees it. */
export const trainPrompts = (options: TrainPromptsOptions): Training => trainWith(open, options);

// The library in a browser.
import type { Detector as Loaded, LoadOptions, Training, TrainPromptsOptions } from './api.ts';
import type { PortableDetector } from './local.ts';
import { absoluteOptions, createDetector, trainWith, withClip } from './public.ts';
import { openRemote } from './remote.ts';
import { shipped, withShippedModel } from './shipped.browser.ts';

export type * from './api.ts';
export { DetectorError, type DetectorErrorKind } from './errors.ts';
export { listWeights, removeWeights, storageUse } from './storage/index.ts';

/** A loaded model; `Detector.load` makes one. */
export type Detector = Loaded;

async function open(options: LoadOptions): Promise<PortableDetector> {
  const { clip, worker = true } = options;
  const chosen =
    clip === undefined ? await withShippedModel(options) : await withClip(options, clip, shipped);
  if (worker) return openRemote(chosen);
  const [{ openLocal }, { browserEnvironment }] = await Promise.all([
    import('./local.ts'),
    import('./environment.browser.ts'),
  ]);
  return openLocal(browserEnvironment, chosen);
}

export const Detector = {
  /**
   * Loads a CLIP and prompts onto the GPU; without arguments the small CLIP that ships, with its prompts.
   * @throws DetectorError, or the signal's reason
   */
  load: async (options: LoadOptions = {}): Promise<Loaded> =>
    createDetector(await open(absoluteOptions(options)), shipped),
};

/** Trains prompts without a detector: loads the CLIP, trains, frees it. */
export const trainPrompts = (options: TrainPromptsOptions): Training => trainWith(open, options, shipped);

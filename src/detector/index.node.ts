// The library in Node: the same API, on this thread (Dawn has threads of its own), with paths beside addresses.
import { packageFile } from '../base/package.node.ts';
import { smallClip } from '../model/shipped.ts';
import type {
  Detector as Loaded,
  LoadOptions,
  StorageUse,
  StoredWeights,
  Training,
  TrainPromptsOptions,
} from './api.ts';
import { nodeEnvironment } from './environment.node.ts';
import { openLocal } from './local.ts';
import { absoluteOptions, createDetector, trainWith, withClip } from './public.ts';

export type * from './api.ts';
export { DetectorError, type DetectorErrorKind } from './errors.ts';

export type Detector = Loaded;

const vocabulary = () => packageFile('weights/clip-merges.txt.gz');
const shipped = {
  vocabulary: async () => vocabulary(),
  vocabularyPlace: vocabulary,
  prompts: () => packageFile(smallClip.prompts),
};

const withShippedModel = (options: LoadOptions) => ({
  ...options,
  clip: packageFile(smallClip.clip),
  prompts: options.prompts ?? shipped.prompts(),
});

const open = async (options: LoadOptions) => {
  const { clip } = options;
  return openLocal(
    nodeEnvironment,
    clip === undefined ? withShippedModel(options) : await withClip(options, clip, shipped),
  );
};

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

/** Node has no browser storage: `faprompt weights` manages the models on the disk. */
export const listWeights = async (): Promise<StoredWeights[]> => [];
export const removeWeights = async (_url: string | URL): Promise<boolean> => false;
export const storageUse = async (): Promise<StorageUse> => ({ usage: 0, quota: 0, available: false });

// The library in Node: the same API, on this thread (Dawn has threads of its own), with paths beside addresses.
import { packageFile } from '../base/package.node.ts';
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
import { absoluteOptions, createDetector, trainWith } from './public.ts';

export type * from './api.ts';
export { DetectorError, type DetectorErrorKind } from './errors.ts';

export type Detector = Loaded;

const withShippedModel = (options: LoadOptions) => ({
  ...options,
  clip: packageFile('weights/small-clip.safetensors'),
  prompts: options.prompts ?? packageFile('weights/small-prompts.safetensors'),
});

/** CLIP's byte pairs, for hand-written prompts on a CLIP that has no word list of its own. */
const vocabulary = () => packageFile('weights/clip-merges.txt.gz');

const open = async (options: LoadOptions) => {
  const { clip } = options;
  return openLocal(nodeEnvironment, clip === undefined ? withShippedModel(options) : { ...options, clip });
};

export const Detector = {
  /**
   * Loads a CLIP and prompts onto the GPU; without arguments the small CLIP that ships, with its prompts.
   * @throws DetectorError, or the signal's reason
   */
  load: async (options: LoadOptions = {}): Promise<Loaded> =>
    createDetector(await open(absoluteOptions(options, vocabulary())), vocabulary()),
};

/** Trains prompts without a detector: loads the CLIP, trains, frees it. */
export const trainPrompts = (options: TrainPromptsOptions): Training =>
  trainWith(open, options, vocabulary());

/** Node has no browser storage: `faprompt weights` manages the models on the disk. */
export const listWeights = async (): Promise<StoredWeights[]> => [];
export const removeWeights = async (_url: string | URL): Promise<boolean> => false;
export const storageUse = async (): Promise<StorageUse> => ({ usage: 0, quota: 0, available: false });

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

/** A loaded model; `Detector.load` makes one. */
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

// Node has no browser storage: `faprompt weights` manages the models on the disk.
/** The files in the browser's storage; in Node none. */
export const listWeights = async (): Promise<StoredWeights[]> => [];
/** Frees a file's place in the browser's storage. @returns false where there is no such file, as always in Node */
export const removeWeights = async (_url: string | URL): Promise<boolean> => false;
/** How much of the browser's storage is in use; in Node there is none. */
export const storageUse = async (): Promise<StorageUse> => ({ usage: 0, quota: 0, available: false });

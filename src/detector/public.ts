// The API over a detector on either side of a worker: image sources are made portable where they are given.
import type {
  ClassifyOptions,
  ClipSource,
  DetectOptions,
  Detector,
  FileSource,
  ImageSource,
  LoadOptions,
  PromptsSource,
  Training,
  TrainOptions,
  TrainPromptsOptions,
  TrainResult,
} from './api.ts';
import type { ModelOptions, PortableDetector } from './local.ts';
import { absolute, isDescribed, isTrained, portable, portableSamples } from './portable.ts';
import { trainingHandle } from './training-handle.ts';

/** Options with a CLIP that the caller named. */
export const withClip = async (
  options: LoadOptions,
  clip: ClipSource,
  shipped: Shipped,
): Promise<ModelOptions> => ({
  ...options,
  clip,
  ...(options.prompts === undefined ? {} : { prompts: await withVocabulary(options.prompts, shipped) }),
});

/** Addresses as seen from the page; functions of the options that stay behind are the opener's business. */
export const absoluteOptions = (options: LoadOptions): LoadOptions => ({
  ...options,
  ...(options.clip === undefined
    ? {}
    : { clip: Array.isArray(options.clip) ? options.clip : absoluteFile(options.clip as FileSource) }),
  ...(options.workerUrl === undefined ? {} : { workerUrl: absolute(options.workerUrl) }),
  ...(options.prompts === undefined ? {} : { prompts: absolutePrompts(options.prompts) }),
});

const absoluteFile = (file: FileSource): FileSource =>
  typeof file === 'string' || file instanceof URL ? absolute(file) : file;

function absolutePrompts(prompts: PromptsSource): PromptsSource {
  if (!isDescribed(prompts)) return absoluteFile(prompts);
  const { vocabulary } = prompts;
  return {
    ...prompts,
    ...(isTrained(prompts) ? { file: absoluteFile(prompts.file) } : {}),
    ...(vocabulary === undefined ? {} : { vocabulary: absoluteFile(vocabulary) }),
  };
}

/** What ships with the package, looked for when it is needed. */
export interface Shipped {
  /** CLIP's byte pairs, for texts on a CLIP that has no word list of its own; undefined: they are not to be found. */
  vocabulary(): Promise<FileSource | undefined>;
  /** Where they should be: for prompts that were trained, few of which need them. */
  vocabularyPlace(): FileSource | undefined;
  /** Those of the small CLIP. */
  prompts(): FileSource;
}

/** Prompts with the vocabulary that their texts may need, where they name none. */
async function withVocabulary(prompts: PromptsSource, shipped: Shipped): Promise<PromptsSource> {
  const described = isDescribed(prompts) ? prompts : { file: prompts };
  if (described.vocabulary !== undefined) return prompts;
  const vocabulary = isTrained(described) ? shipped.vocabularyPlace() : await shipped.vocabulary();
  return vocabulary === undefined ? prompts : { ...described, vocabulary };
}

export function createDetector(inner: PortableDetector, shipped: Shipped): Detector {
  return {
    get info() {
      return inner.info;
    },
    async detect(image: ImageSource, { name, ...job }: DetectOptions = {}) {
      const given = await portable(image, name);
      if (inner.info.prompts) return inner.detect(given, job);
      const defaults = { prompts: shipped.prompts(), vocabulary: await shipped.vocabulary() };
      return inner.detect(given, { ...job, defaults });
    },
    setPrompts: async (prompts, options = {}) =>
      inner.setPrompts(await withVocabulary(absolutePrompts(prompts), shipped), options),
    train: (options) => trainLater(options, async () => inner, shipped),
    async classify(image: ImageSource, texts: readonly string[], options: ClassifyOptions = {}) {
      const { name, vocabulary = await shipped.vocabulary(), ...job } = options;
      return inner.classify(await portable(image, name), texts, {
        ...job,
        ...(vocabulary === undefined ? {} : { vocabulary: absoluteFile(vocabulary) }),
      });
    },
    close: () => inner.close(),
  };
}

/** A run that begins once its detector is there and its images can be sent; controls work from the first moment. */
function trainLater(
  options: TrainOptions,
  open: () => Promise<PortableDetector>,
  shipped: Shipped,
): Training {
  let inner: Training | undefined;
  let stopped = false;
  let watched = options.watch;
  const begin = async (handle: { readonly paused: boolean }): Promise<TrainResult> => {
    const [detector, samples] = await Promise.all([open(), portableSamples(options.samples)]);
    // FAPrompt's own words need none.
    const { method, vocabulary = method === undefined ? undefined : await shipped.vocabulary() } = options;
    inner = detector.train({
      ...options,
      ...(vocabulary === undefined ? {} : { vocabulary: absoluteFile(vocabulary) }),
      watch: watched,
      samples,
    } as Parameters<PortableDetector['train']>[0]);
    if (handle.paused) inner.pause();
    if (stopped) inner.stop();
    return inner.result;
  };
  return trainingHandle(begin, {
    pause: () => inner?.pause(),
    continue: () => inner?.continue(),
    stop() {
      stopped = true;
      inner?.stop();
    },
    watch(next) {
      watched = next;
      inner?.watch(next);
    },
  });
}

/** What of `trainPrompts`'s options is about loading; the rest is the run's. */
const loading = [
  'clip',
  'worker',
  'workerUrl',
  'cache',
  'sha256',
  'headers',
  'progress',
  'onWarning',
  'onDevice',
  'signal',
  'memoryBudget',
] as const satisfies readonly (keyof LoadOptions)[];

/** Loads a CLIP, trains prompts on it, and frees it. */
export function trainWith(
  load: (options: LoadOptions) => Promise<PortableDetector>,
  options: TrainPromptsOptions,
  shipped: Shipped,
): Training {
  const given = Object.entries(options).filter(
    ([name, value]) => value !== undefined && (loading as readonly string[]).includes(name),
  );
  const loaded = load(absoluteOptions(Object.fromEntries(given)));
  const training = trainLater(options, () => loaded, shipped);
  const close = () =>
    void loaded.then(
      (detector) => detector.close(),
      () => {},
    );
  training.result.then(close, close);
  return training;
}

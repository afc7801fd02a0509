// The API over a detector on either side of a worker: image sources are made portable where they are given.
import type {
  ClassifyOptions,
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
import type { PortableDetector } from './local.ts';
import { absolute, isDescribed, isTrained, portable, portableSamples } from './portable.ts';

/** Addresses as seen from the page; functions of the options that stay behind are the opener's business. */
export const absoluteOptions = (options: LoadOptions, vocabulary?: FileSource): LoadOptions => ({
  ...options,
  ...(options.clip === undefined
    ? {}
    : { clip: Array.isArray(options.clip) ? options.clip : absoluteFile(options.clip as FileSource) }),
  ...(options.workerUrl === undefined ? {} : { workerUrl: absolute(options.workerUrl) }),
  ...(options.prompts === undefined ? {} : { prompts: absolutePrompts(options.prompts, vocabulary) }),
});

const absoluteFile = (file: FileSource): FileSource =>
  typeof file === 'string' || file instanceof URL ? absolute(file) : file;

/** @param shipped the vocabulary where none is given */
function absolutePrompts(prompts: PromptsSource, shipped?: FileSource): PromptsSource {
  if (!isDescribed(prompts)) {
    const file = absoluteFile(prompts);
    return shipped === undefined ? file : { file, vocabulary: absoluteFile(shipped) };
  }
  const vocabulary = prompts.vocabulary ?? shipped;
  return {
    ...prompts,
    ...(isTrained(prompts) ? { file: absoluteFile(prompts.file) } : {}),
    ...(vocabulary === undefined ? {} : { vocabulary: absoluteFile(vocabulary) }),
  };
}

/** @param shipped CLIP's vocabulary, for texts that come without */
export function createDetector(inner: PortableDetector, shipped?: FileSource): Detector {
  return {
    get info() {
      return inner.info;
    },
    async detect(image: ImageSource, { name, ...job }: DetectOptions = {}) {
      return inner.detect(await portable(image, name), job);
    },
    setPrompts: (prompts, options = {}) => inner.setPrompts(absolutePrompts(prompts, shipped), options),
    train: (options) => trainLater(options, async () => inner, shipped),
    async classify(image: ImageSource, texts: readonly string[], options: ClassifyOptions = {}) {
      const { name, vocabulary = shipped, ...job } = options;
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
  shipped?: FileSource,
): Training {
  let inner: Training | undefined;
  let paused = false;
  let stopped = false;
  let watched = options.watch;
  const begin = async (): Promise<TrainResult> => {
    const [detector, samples] = await Promise.all([open(), portableSamples(options.samples)]);
    const { vocabulary = shipped } = options;
    inner = detector.train({
      ...options,
      ...(vocabulary === undefined ? {} : { vocabulary: absoluteFile(vocabulary) }),
      watch: watched,
      samples,
    } as Parameters<PortableDetector['train']>[0]);
    if (paused) inner.pause();
    if (stopped) inner.stop();
    return inner.result;
  };
  const result = begin();
  result.catch(() => {}); // whoever awaits it hears of it
  return {
    result,
    get paused() {
      return paused;
    },
    pause() {
      paused = true;
      inner?.pause();
    },
    continue() {
      paused = false;
      inner?.continue();
    },
    stop() {
      stopped = true;
      inner?.stop();
    },
    watch(next) {
      watched = next;
      inner?.watch(next);
    },
  };
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
  shipped?: FileSource,
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

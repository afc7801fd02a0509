// The detector on the thread that it is called on.
import type { AnomalyMap } from '../data/heatmap.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { isAnomalous } from '../model/faprompt/verdict.ts';
import { withImageError } from '../train/features/image-error.ts';
import type {
  ClipSource,
  Detection,
  DetectorInfo,
  FileSource,
  LoadOptions,
  Progress,
  PromptsSource,
  Training,
} from './api.ts';
import { type DefaultPrompts, takeDefaultPrompts } from './default-prompts.ts';
import type { Environment } from './environment.ts';
import { failureOf } from './failures.ts';
import { createGivenFiles, type GivenFiles } from './given-files.ts';
import { type Keeper, keepModel } from './keeper.ts';
import type { GivenPrompts, Model } from './model.ts';
import { openModel } from './open-model.ts';
import { type PortableImage, type PortableTraining, release } from './portable.ts';
import { countReading } from './reading.ts';
import { startTraining } from './training.ts';
import { createTurns } from './turns.ts';

export interface PortableJob {
  readonly progress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface DetectJob extends PortableJob {
  readonly perPrompt?: boolean | undefined;
  /** Where nobody has said yet what a defect is. */
  readonly defaults?: DefaultPrompts | undefined;
}

/** What to load, with a CLIP chosen. */
export type ModelOptions = LoadOptions & {
  readonly clip: ClipSource;
  /** Told of what a job changed. */
  readonly onInfo?: (info: DetectorInfo) => void;
};

/** What both sides of a worker have: the API with images that can be sent. */
export interface PortableDetector {
  readonly info: DetectorInfo;
  detect(image: PortableImage, job: DetectJob): Promise<Detection>;
  setPrompts(
    prompts: PromptsSource,
    options: Pick<LoadOptions, 'size' | 'tiles' | 'allowOtherClip'>,
  ): Promise<DetectorInfo>;
  train(options: PortableTraining): Training;
  classify(
    image: PortableImage,
    texts: readonly string[],
    job: PortableJob & { readonly vocabulary?: FileSource | undefined },
  ): Promise<{ text: string; probability: number; cosine: number }[]>;
  close(): void;
}

/** Loads the CLIP, and the prompts where there are any. @throws DetectorError, the signal's reason */
export async function openLocal(environment: Environment, given: ModelOptions): Promise<PortableDetector> {
  const { signal } = given;
  let loading = true;
  // What is loaded again later is not stopped by the signal of the first time.
  const options = () =>
    ({ ...given, environment, ...(loading ? {} : { signal: undefined }) }) as Parameters<typeof openModel>[0];
  const files = createGivenFiles(options);
  // A model that is loaded again takes the prompts that were set since.
  const inUse: Loaded['inUse'] = { prompts: undefined };
  try {
    signal?.throwIfAborted();
    const count = countReading(given.progress);
    if (given.prompts !== undefined) {
      const { size, tiles, allowOtherClip } = given;
      inUse.prompts = { source: await files.readPrompts(given.prompts, count), size, tiles, allowOtherClip };
    }
    let first: typeof count | undefined = count;
    const keeper = await keepModel(() => {
      const used = first;
      first = undefined;
      return openModel(options(), inUse.prompts, used);
    }, given.onDevice);
    loading = false;
    return createLocal({ environment, given, files, keeper, inUse });
  } catch (error) {
    throw failureOf(error, signal);
  }
}

interface Loaded {
  readonly environment: Environment;
  readonly given: ModelOptions;
  readonly files: GivenFiles;
  readonly keeper: Keeper;
  readonly inUse: { prompts: GivenPrompts | undefined };
}

function createLocal({ environment, given, files, keeper, inUse }: Loaded): PortableDetector {
  const turns = createTurns();
  const closing = new AbortController();
  const notice = keeper.model.clip.metadata.get('notice');
  if (notice !== undefined) given.onWarning?.({ kind: 'notice', message: notice });
  /** Does a job's work in its turn, and gives its images back. */
  const settle = async <T>(job: PortableJob, images: PortableImage[], work: () => Promise<T>): Promise<T> => {
    try {
      return await turns.run(() => {
        job.signal?.throwIfAborted();
        return work();
      });
    } catch (error) {
      throw failureOf(error, job.signal);
    } finally {
      release(...images);
    }
  };
  return {
    get info() {
      return keeper.model.info();
    },
    detect: (image, job) =>
      settle(job, [image], async () => {
        if (!inUse.prompts && job.defaults) {
          inUse.prompts = await takeDefaultPrompts(keeper, job.defaults, files.readPrompts, given);
          if (inUse.prompts) given.onInfo?.(keeper.model.info());
        }
        return keeper.run((model) => detectTimed(environment, model, image, job));
      }),
    setPrompts: (file, { size, tiles, allowOtherClip }) =>
      settle({}, [], async () => {
        const next = { source: await files.readPrompts(file), size, tiles, allowOtherClip };
        await keeper.run((model) => model.usePrompts(next));
        inUse.prompts = next;
        return keeper.model.info();
      }),
    train: (training) =>
      startTraining({ environment, keeper, turns, closed: closing.signal, read: files.read }, training),
    classify: (image, texts, job) =>
      settle(job, [image], async () => {
        const { classifyImage } = await import('./classify.ts');
        const vocabulary = job.vocabulary === undefined ? undefined : files.readOnce(job.vocabulary);
        return keeper.run(async (model) => {
          const decoded = await environment.decodeImage(model.gpu, image);
          return withImageError(image.name, decoded, () =>
            classifyImage(model, { image: decoded, name: image.name }, texts, vocabulary),
          );
        });
      }),
    close() {
      keeper.close();
      closing.abort(); // after it: what is woken finds the detector closed
    },
  };
}

/** Decodes and scores an image, and says how long each part took. */
const detectTimed = (
  environment: Environment,
  model: Model,
  image: PortableImage,
  job: DetectJob,
): Promise<Detection> =>
  timed(model.gpu, async (clock) => {
    const decoded = await environment.decodeImage(model.gpu, image);
    const decode = clock.elapsed();
    const found = await withImageError(image.name, decoded, () =>
      model.detect(decoded, image.name, { ...runOptions(job), perPrompt: job.perPrompt }),
    );
    const [compile, elapsed] = [clock.compile(), clock.elapsed()];
    const { score, prompts } = found;
    const { threshold } = model;
    return {
      score,
      map: pixelsOf(found.map),
      ...(prompts ? { prompts: prompts.map((one) => ({ ...one, map: pixelsOf(one.map) })) } : {}),
      image: { width: decoded.width, height: decoded.height },
      ...(threshold === undefined ? {} : { anomalous: isAnomalous(score, threshold) }),
      times: { decode, compile, compute: elapsed - decode - compile },
    };
  });

const pixelsOf = ({ width, height, values }: AnomalyMap) => ({ width, height, data: values });

const runOptions = ({ progress, signal }: PortableJob) => ({
  signal,
  onProgress: progress && ((done: number, total: number) => progress({ phase: 'compute', done, total })),
});

interface Clock {
  /** Milliseconds since the job began. */
  elapsed(): number;
  /** How many of them pipelines were being compiled. */
  compile(): number;
}

/** Times a job; what listens to the pipelines ends with it, however it ends. */
async function timed<T>({ pipelines }: Gpu, job: (clock: Clock) => Promise<T>): Promise<T> {
  const began = performance.now();
  let compile = 0;
  let since: number | undefined;
  const stop = pipelines.watch((done, asked) => {
    if (done < asked) since ??= performance.now();
    else if (since !== undefined) {
      compile += performance.now() - since;
      since = undefined;
    }
  });
  try {
    return await job({ elapsed: () => performance.now() - began, compile: () => compile });
  } finally {
    stop();
  }
}

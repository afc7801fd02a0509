// The detector on the thread that it is called on.
import type { AnomalyMap } from '../data/heatmap.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { isAnomalous } from '../model/faprompt/verdict.ts';
import { fitting } from '../train/features/fitting.ts';
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
import type { Environment } from './environment.ts';
import { asDetectorError, failureOf } from './failures.ts';
import { keepModel } from './keeper.ts';
import type { GivenPrompts } from './model.ts';
import { openModel, readWhole } from './open-model.ts';
import { isDescribed, isTrained, type PortableImage, type PortableTraining, release } from './portable.ts';
import { countReading } from './reading.ts';
import { startTraining } from './training.ts';
import { createTurns } from './turns.ts';
import { takeUnsaid, type Unsaid } from './unsaid.ts';

export interface PortableJob {
  readonly progress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface DetectJob extends PortableJob {
  readonly perPrompt?: boolean | undefined;
  /** Where nobody has said yet what a defect is. */
  readonly unsaid?: Unsaid | undefined;
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

export async function openLocal(environment: Environment, given: ModelOptions): Promise<PortableDetector> {
  const { signal } = given;
  let loading = true;
  // What is loaded again later is not stopped by the signal of the first time.
  const options = () => ({ ...given, environment, ...(loading ? {} : { signal: undefined }) });
  const read = (file: FileSource, count = countReading(undefined)) =>
    readWhole(file, { ...options() } as Parameters<typeof readWhole>[1], count);
  const readOnce = (file: FileSource) => {
    let bytes: ReturnType<typeof read> | undefined;
    return () => {
      bytes ??= read(file).catch((error: unknown) => {
        bytes = undefined;
        throw error;
      });
      return bytes;
    };
  };
  const readPromptsFile: typeof read = (file, count) =>
    read(file, count).catch((error: unknown) => {
      throw asDetectorError(error, 'bad-prompts');
    });
  const readPrompts = async (
    given: PromptsSource,
    count = countReading(undefined),
  ): Promise<GivenPrompts['source']> => {
    if (!isDescribed(given)) return readPromptsFile(given, count);
    const { vocabulary: file, ...rest } = given;
    const vocabulary = file && { vocabulary: readOnce(file) };
    if (!isTrained(rest)) return { written: { ...rest, ...vocabulary } };
    const { object } = rest;
    return {
      ...(await readPromptsFile(rest.file, count)),
      ...(object === undefined ? {} : { object }),
      ...vocabulary,
    };
  };
  let prompts: GivenPrompts | undefined;
  try {
    signal?.throwIfAborted();
    const count = countReading(given.progress);
    if (given.prompts !== undefined) {
      const { size, tiles, allowOtherClip } = given;
      prompts = { source: await readPrompts(given.prompts, count), size, tiles, allowOtherClip };
    }
    let first: typeof count | undefined = count;
    const keeper = await keepModel(() => {
      const used = first;
      first = undefined;
      return openModel(options() as Parameters<typeof openModel>[0], prompts, used);
    }, given.onDevice);
    loading = false;
    return createLocal();

    function createLocal(): PortableDetector {
      const turns = createTurns();
      const closing = new AbortController();
      const notice = keeper.model.clip.metadata.get('notice');
      if (notice !== undefined) given.onWarning?.({ kind: 'notice', message: notice });
      const settle = async <T>(
        job: PortableJob,
        images: PortableImage[],
        work: () => Promise<T>,
      ): Promise<T> => {
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
            if (!prompts && job.unsaid) {
              prompts = await takeUnsaid(keeper, job.unsaid, readPrompts, given);
              if (prompts) given.onInfo?.(keeper.model.info());
            }
            return keeper.run((model) => {
              const { gpu } = model;
              return timed(gpu, async (clock) => {
                const decoded = await environment.decodeImage(gpu, image);
                const decode = clock.elapsed();
                const {
                  score,
                  map,
                  prompts: each,
                } = await fitting(image.name, decoded, () =>
                  model.detect(decoded, image.name, { ...runOptions(job), perPrompt: job.perPrompt }),
                );
                const [compile, elapsed] = [clock.compile(), clock.elapsed()];
                const { threshold } = model;
                return {
                  score,
                  map: pixelsOf(map),
                  ...(each ? { prompts: each.map((one) => ({ ...one, map: pixelsOf(one.map) })) } : {}),
                  image: { width: decoded.width, height: decoded.height },
                  ...(threshold === undefined ? {} : { anomalous: isAnomalous(score, threshold) }),
                  times: { decode, compile, compute: elapsed - decode - compile },
                };
              });
            });
          }),
        setPrompts: (file, { size, tiles, allowOtherClip }) =>
          settle({}, [], async () => {
            const next = { source: await readPrompts(file), size, tiles, allowOtherClip };
            await keeper.run((model) => model.usePrompts(next));
            prompts = next;
            return keeper.model.info();
          }),
        train: (training) =>
          startTraining({ environment, keeper, turns, closed: closing.signal, read }, training),
        classify: (image, texts, job) =>
          settle(job, [image], async () => {
            const { classifyImage } = await import('./classify.ts');
            const vocabulary = job.vocabulary === undefined ? undefined : readOnce(job.vocabulary);
            return keeper.run(async (model) => {
              const decoded = await environment.decodeImage(model.gpu, image);
              return fitting(image.name, decoded, () =>
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
  } catch (error) {
    throw failureOf(error, signal);
  }
}

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

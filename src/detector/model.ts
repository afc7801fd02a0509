// A CLIP on a device, and what is compiled for it: everything that a lost device takes along.

import { sameTiles, type TileOptions } from '../base/tile-options.ts';
import { type AnomalyMap, squareMap } from '../data/heatmap.ts';
import type { RgbImage } from '../data/image.ts';
import { readSafetensors } from '../formats/safetensors.ts';
import { bytesSource, readExactly } from '../formats/source.ts';
import type { TensorFile } from '../formats/tensor-file.ts';
import { type Gpu, openGpu } from '../gpu/gpu.ts';
import type { Executable, RunOptions } from '../graph/executor.ts';
import { readClip } from '../model/checkpoint/open.ts';
import { createImageEncoder, defaultImageSize } from '../model/clip/image-encoder.ts';
import type { ImageNeeds } from '../model/clip/needs.ts';
import { type Pixels, preprocessImage } from '../model/clip/preprocess.ts';
import { imageBatch } from '../model/clip/staging.ts';
import { type Clip, countParameters, loadClip } from '../model/clip/weights.ts';
import { severalPrompts } from '../model/methods/faprompt/per-prompt.ts';
import { type Prompts, promptsNeeds, readPrompts } from '../model/methods/prompts-file.ts';
import type { Scorer } from '../model/scorer.ts';
import { sha256 as hashOf } from '../train/features/entry.ts';
import type { ClipSource, DetectorInfo, FileSource, LoadOptions, TileSource } from './api.ts';
import { type EachPrompt, eachPrompt, type PromptView } from './each-prompt.ts';
import { createEncoderCache, type EncoderCache } from './encoders.ts';
import type { Environment, OpenedFile } from './environment.ts';
import { DetectorError } from './errors.ts';
import { asDetectorError } from './failures.ts';
import { countReading, type Reading, type ReadingCount, watchReading } from './reading.ts';
import { detectTiles, tilesOfSource } from './tiles.ts';
import type { GivenWritten } from './written.ts';

/** A file of trained prompts, and what it does not say itself. */
interface GivenFile extends Pick<GivenWritten, 'object' | 'vocabulary'> {
  readonly bytes: Uint8Array;
  readonly name: string;
}

/** Prompts as they came: kept, so that a model can be loaded again. */
export interface GivenPrompts {
  readonly source: GivenFile | { readonly written: GivenWritten };
  readonly size?: number | undefined;
  readonly tiles?: TileSource | undefined;
  readonly allowOtherClip?: boolean | undefined;
}

export interface Model {
  readonly gpu: Gpu;
  readonly clip: Clip;
  readonly file: TensorFile;
  readonly sha256: string;
  readonly prompts: Prompts | undefined;
  readonly scorer: Scorer | undefined;
  /** Side of the images. */
  readonly size: number;
  /** Encoders of images; callers take turns. */
  readonly encoders: EncoderCache;
  /** Score and map by the prompts; callers take turns. @throws DetectorError 'bad-prompts' without prompts, ScoreError */
  detect(
    image: RgbImage,
    name: string,
    options?: RunOptions & { readonly perPrompt?: boolean | undefined },
  ): Promise<{
    readonly score: number;
    readonly map: AnomalyMap;
    readonly prompts?: readonly PromptView[];
  }>;
  /** That the prompts carry, unless it was chosen with other tiles. */
  readonly threshold: number | undefined;
  /** @throws DetectorError 'bad-prompts'; the old ones stay then */
  usePrompts(given: GivenPrompts): Promise<void>;
  info(): DetectorInfo;
  dispose(): void;
}

export interface ModelOptions extends Omit<LoadOptions, 'prompts'> {
  readonly clip: ClipSource;
  readonly environment: Environment;
}

/** Reads a small file whole, counted like the weights. */
export async function readWhole(
  given: FileSource,
  { environment, cache = true, headers, signal, onWarning = () => {} }: Omit<ModelOptions, 'clip'>,
  count = countReading(undefined),
): Promise<{ bytes: Uint8Array<ArrayBuffer>; name: string }> {
  return repairing({ environment, onWarning }, async () => {
    const { main } = await environment.open(given, {
      cache,
      headers,
      signal,
      onWarning,
      onBytes: (file, done, total) => count.report(file, done, total, 'network'),
    });
    const { source } = main;
    try {
      const bytes = await readExactly(source, 0, source.size);
      if (!main.counted) count.report(source.name, source.size, source.size, main.from);
      return { bytes, name: source.name };
    } finally {
      await main.close?.();
    }
  });
}

/** Once more, if what was stored is damaged and was removed. */
async function repairing<T>(
  { environment, onWarning = () => {} }: Pick<ModelOptions, 'environment' | 'onWarning'>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (await environment.repair?.(error, onWarning)) return work();
    throw error;
  }
}

/** Opens device and CLIP and compiles what the prompts need. @throws what any of it throws */
export const openModel = (
  options: ModelOptions,
  prompts: GivenPrompts | undefined,
  count = countReading(options.progress),
): Promise<Model> => repairing(options, () => openOnce(options, prompts, count));

async function openOnce(
  options: ModelOptions,
  prompts: GivenPrompts | undefined,
  count: ReadingCount,
): Promise<Model> {
  const { signal, progress, memoryBudget } = options;
  const gpu = await openGpu(memoryBudget === undefined ? {} : { memoryBudget });
  const stopWatching = gpu.pipelines.watch((done, total) => progress?.({ phase: 'compile', done, total }));
  const closing: (() => void)[] = [() => gpu.close(), stopWatching];
  const dispose = () => {
    for (const close of closing.splice(0).reverse()) close();
  };
  try {
    const opened = await openWeights(options, count);
    closing.push(opened.close);
    const clip = await loadClip(gpu, opened.file, { ...(signal ? { signal } : {}) });
    closing.push(clip.dispose);
    const sha256 = await opened.finish();
    if (options.sha256 !== undefined && options.sha256 !== sha256)
      throw new DetectorError(
        'bad-weights',
        `${clip.name}: expected sha256 ${options.sha256}, found ${sha256}`,
        {
          file: clip.name,
        },
      );
    const model = createModel({ gpu, clip, file: opened.file, sha256 }, dispose);
    // Compiled beside the rest; every image needs them.
    const warm = preprocessImage(gpu, { width: 2, height: 2, data: new Uint8Array(12) }, model.size);
    await Promise.all([warm, prompts && model.usePrompts(prompts)]);
    signal?.throwIfAborted();
    stopWatching();
    return model;
  } catch (error) {
    dispose();
    // The device's own reason is better than what its failure led to.
    throw gpu.failure ?? error;
  }
}

/** The CLIP's tensors; `finish` gives the sha256 of its files, as the command line computes it. */
async function openWeights(
  { environment, clip, cache = true, sha256, headers, signal, onWarning = () => {} }: ModelOptions,
  count: ReadingCount,
) {
  const readings: { name: string; reading: Reading }[] = [];
  const files: OpenedFile[] = [];
  const track = (opened: OpenedFile) => {
    files.push(opened);
    const reading = watchReading(opened, environment.hasher, count);
    readings.push({ name: opened.source.name, reading });
    return reading.source;
  };
  const close = () => {
    for (const file of files) void file.close?.();
  };
  try {
    const { main, beside } = await environment.open(clip, {
      cache,
      sha256,
      headers,
      signal,
      onWarning,
      onBytes: (file, done, total) => count.report(file, done, total, 'network'),
    });
    const { file } = await readClip(track(main), async (name) => {
      const found = await beside(name);
      return found && track(found);
    });
    return {
      file,
      close,
      async finish() {
        const hashes: string[] = [];
        for (const { name, reading } of readings)
          if (!name.endsWith('.json')) hashes.push(await reading.finish());
        return hashes.length === 1 ? hashes[0]! : hashOf(new TextEncoder().encode(hashes.join('')));
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

function createModel(
  { gpu, clip, file, sha256 }: Pick<Model, 'gpu' | 'clip' | 'file'> & { readonly sha256: string },
  close: () => void,
): Model {
  const { config } = clip;
  const batch = (size: number, needs: ImageNeeds) => imageBatch(gpu, clip, size, needs);
  const encoders = createEncoderCache(
    (size, needs) =>
      createImageEncoder({ gpu, clip, size, needs }, { batch: batch(size, needs), ready: 1, yielding: true }),
    batch,
  );
  let prompts: Prompts | undefined;
  let scorer: Scorer | undefined;
  let each: EachPrompt | undefined;
  let size = defaultImageSize(config);
  /** Tiles that the prompts' threshold was chosen with. */
  let stored: TileOptions | undefined;
  const threshold = () => (sameTiles(prompts?.tiles, stored) ? prompts?.threshold?.threshold : undefined);
  return {
    gpu,
    clip,
    file,
    sha256,
    get prompts() {
      return prompts;
    },
    get scorer() {
      return scorer;
    },
    get size() {
      return size;
    },
    encoders,
    async detect(image, name, { perPrompt = false, ...options } = {}) {
      if (!prompts || !scorer) throw noPrompts();
      const [used, alone] = [scorer, each!];
      const tiles = prompts.tiles;
      if (perPrompt && tiles) throw new DetectorError('bad-option', 'perPrompt: not with tiles');
      return encoders.use(size, promptsNeeds(prompts, config), async (encoder) => {
        const whole = async (pixels: Pixels, how: RunOptions = options) => {
          const [first, then] = inTurn(how, [encoder.executable, used.executable]);
          const features = await encoder.encodePixels(pixels, first);
          const { score, map } = await used.score(features, name, then);
          const prompts = perPrompt ? await alone.score(features, name, how) : undefined;
          return { score, map: squareMap(map), ...(prompts ? { prompts } : {}) };
        };
        return tiles ? detectTiles({ image, name }, tiles, options, whole) : whole(image);
      });
    },
    get threshold() {
      return threshold();
    },
    async usePrompts({ source, size: wanted, tiles, allowOtherClip }) {
      const known = allowOtherClip ? undefined : { name: clip.name, sha256 };
      const words = 'written' in source ? source.written : source;
      const { anyTextTokenizer, writtenPrompts } = await import('./written.ts');
      const read =
        'written' in source
          ? writtenPrompts(clip, sha256, source.written)
          : await readSafetensors(bytesSource(source.name, source.bytes))
              .then((tensors) => readPrompts(tensors, config, known))
              .catch((error: unknown) => {
                throw asDetectorError(error, 'bad-prompts');
              });
      const tiled = { ...read, ...tilesOfSource(tiles, read.tiles) };
      const side = wanted ?? read.imageSize;
      const needs = promptsNeeds(read, config);
      const scoring = read.method.scorer({
        gpu,
        clip,
        size: side,
        needs,
        learned: read.learnables,
        className: words.object,
        tokenizer: () => anyTextTokenizer(clip, words),
      });
      const [made, encoder] = await Promise.allSettled([scoring, encoders.keep(side, needs)]);
      if (made.status === 'rejected') throw made.reason;
      if (encoder.status === 'rejected') {
        made.value.dispose();
        throw encoder.reason;
      }
      scorer?.dispose();
      each?.dispose();
      [prompts, scorer, size, stored] = [tiled, made.value, side, read.tiles];
      each = eachPrompt(gpu, clip, read, side);
    },
    info() {
      const notice = clip.metadata.get('notice');
      const chosen = threshold();
      const several = prompts && !prompts.tiles && severalPrompts(prompts.method)?.prompts;
      return {
        adapter: gpu.description,
        software: gpu.capabilities.software,
        clip: {
          name: clip.name,
          sha256,
          parameters: countParameters(config),
          patch: config.patch,
          imageResolution: config.imageResolution,
          ...(notice === undefined ? {} : { notice }),
        },
        size,
        ...(prompts?.tiles ? { tiles: prompts.tiles } : {}),
        ...(prompts
          ? {
              prompts: {
                training: prompts.training,
                ...(chosen === undefined ? {} : { threshold: chosen }),
                ...(several ? { abnormalities: several } : {}),
              },
            }
          : {}),
        memory: gpu.memory.allocated,
      };
    },
    dispose: close, // the device goes, and everything on it
  };
}

/** One progress for executables that run one after the other. */
function inTurn(options: RunOptions, executables: readonly Executable[]): RunOptions[] {
  const work = executables.map(({ plan, spent }) => plan.flops - (spent.runs > 0 ? plan.once.flops : 0));
  const total = work.reduce((sum, flops) => sum + flops, 0);
  return work.map((flops, i) => {
    const before = work.slice(0, i).reduce((sum, flops) => sum + flops, 0);
    return {
      ...options,
      onProgress: (done) => options.onProgress?.(before + Math.min(done, flops), total),
    };
  });
}

const noPrompts = () =>
  new DetectorError('bad-prompts', 'this detector has no prompts', {
    hint: 'give `prompts` to Detector.load, or call setPrompts',
  });

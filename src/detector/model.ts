// A CLIP on a device, and what is compiled for it: everything that a lost device takes along.

import { sameTiles, type TileOptions } from '../base/tile-options.ts';
import { type AnomalyMap, squareMap } from '../data/heatmap.ts';
import type { RgbImage } from '../data/image.ts';
import { readSafetensors } from '../formats/safetensors.ts';
import { bytesSource } from '../formats/source.ts';
import type { TensorFile } from '../formats/tensor-file.ts';
import type { Gpu } from '../gpu/gpu.ts';
import type { Executable, RunOptions } from '../graph/executor.ts';
import { createImageEncoder } from '../model/clip/image-encoder.ts';
import { defaultImageSize } from '../model/clip/image-graph.ts';
import type { ImageNeeds } from '../model/clip/needs.ts';
import type { Pixels } from '../model/clip/preprocess.ts';
import { imageBatch } from '../model/clip/staging.ts';
import { type Clip, countParameters } from '../model/clip/weights.ts';
import { severalPrompts } from '../model/methods/faprompt/per-prompt.ts';
import { type Prompts, promptsNeeds, readPrompts } from '../model/methods/prompts-file.ts';
import type { Scorer } from '../model/scorer.ts';
import type { DetectorInfo, LoadOptions } from './api.ts';
import { type EachPrompt, eachPrompt, type PromptView } from './each-prompt.ts';
import { createEncoderCache, type EncoderCache } from './encoders.ts';
import { DetectorError } from './errors.ts';
import { asDetectorError } from './failures.ts';
import { detectTiles, tilesOfSource } from './tiles.ts';
import type { GivenWritten } from './written.ts';

/** A file of trained prompts, and what it does not say itself. */
interface GivenFile extends Pick<GivenWritten, 'object' | 'vocabulary'> {
  readonly bytes: Uint8Array;
  readonly name: string;
}

/** Prompts as they came: kept, so that a model can be loaded again. */
export interface GivenPrompts extends ImagesOf {
  readonly source: GivenFile | { readonly written: GivenWritten };
}

/** How prompts are to look at images, and whether they fit this CLIP. */
type ImagesOf = {
  readonly [Name in 'size' | 'tiles' | 'allowOtherClip']?: LoadOptions[Name] | undefined;
};

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

/** @param close frees the device, and everything on it */
export function createModel(
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
      const several = prompts && severalPrompts(prompts.method)?.prompts;
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

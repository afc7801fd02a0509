/// <reference lib="dom" preserve="true" />
// What the library offers: the same types in a browser (in a worker or on the main thread) and in Node.
import type { FapromptOptions, PresetName } from '../model/faprompt/options.ts';
import type { DeviceEvent, Progress, Warning } from './api-events.ts';
import type { Detection, DetectorInfo } from './api-results.ts';
import type { ClipSource, FileSource, ImageSource, PromptsSource, TileSource } from './api-sources.ts';
import type { Training, TrainOptions } from './api-training.ts';

export type * from './api-events.ts';
export type * from './api-results.ts';
export type * from './api-sources.ts';
export type * from './api-training.ts';
export type { FapromptOptions, PresetName };

/** What a detector is loaded from, and how. */
export interface LoadOptions {
  /** Default: the small CLIP that ships with the package, with its prompts. */
  readonly clip?: ClipSource;
  /**
   * What says what a defect is. Default: for the small CLIP its own; for another one, at the first image, hand-written
   * ones about an "object", and a warning of kind `notice` that says so.
   */
  readonly prompts?: PromptsSource;
  /** Side in pixels to which images are squashed, a multiple of the patch size. Default: what the prompts were trained at. */
  readonly size?: number;
  /**
   * Look at images in overlapping squares, this many along the shorter side, each at `size`, for what is small in large
   * photographs; `false`: whole. Default: as the prompts say (`faprompt calibrate --tiles`), else whole.
   */
  readonly tiles?: TileSource;
  /** Use prompts that were trained on another weights file of the same sizes. */
  readonly allowOtherClip?: boolean;
  /**
   * Where the work is done, in browsers: true (default) in a worker, false on this thread. Node has its own threads and
   * ignores it.
   */
  readonly worker?: boolean;
  /**
   * Address of the worker's script (`faprompt/worker`), for pages whose policy forbids blob: workers and whose bundler
   * does not move it along by itself. Default: the script beside the bundle, else the source that the library carries.
   */
  readonly workerUrl?: string | URL;
  /** Keep weights that come from an address in the browser's storage (default true). Ignored in Node. */
  readonly cache?: boolean;
  /** sha256 of the weights file in hexadecimal, where it is known: anything else is refused. */
  readonly sha256?: string;
  /** Sent with the requests for weights and prompts: authorisation, say. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly progress?: (progress: Progress) => void;
  readonly onWarning?: (warning: Warning) => void;
  /** The device was lost, and came back or did not. */
  readonly onDevice?: (event: DeviceEvent) => void;
  /** Stops loading; the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Most bytes of GPU memory. Default: no limit on a GPU, 4 GiB on a software adapter. */
  readonly memoryBudget?: number;
}

/** Of one image's work. */
export interface JobOptions {
  /** For messages; default: the file's name or address. */
  readonly name?: string;
  readonly progress?: (progress: Progress) => void;
  /** Rejects with the signal's reason, at once if the job has not begun, else at the next pause between submits. */
  readonly signal?: AbortSignal;
}

export interface DetectOptions extends JobOptions {
  /** What each abnormality prompt sees, too: for prompts of FAPrompt with several (`DetectorInfo.prompts.abnormalities`). */
  readonly perPrompt?: boolean;
}

/** Everything that `trainPrompts` wants: a CLIP, and a run. */
export type TrainPromptsOptions = TrainOptions &
  Omit<LoadOptions, 'prompts' | 'size' | 'tiles' | 'allowOtherClip'>;

export interface ClassifyOptions extends JobOptions {
  /** As `WrittenSource.vocabulary`, with the same default. */
  readonly vocabulary?: FileSource;
}

/** A loaded model. Jobs run one after the other, in the order in which they were asked for. */
export interface Detector {
  readonly info: DetectorInfo;
  /**
   * @throws DetectorError naming the image where it is about the image; 'bad-option' for `perPrompt` with prompts that
   *   are not several of FAPrompt's
   */
  detect(image: ImageSource, options?: DetectOptions): Promise<Detection>;
  /**
   * Uses other prompts from now on; the CLIP stays.
   * @throws DetectorError 'bad-prompts' for a file, 'bad-text' for words outside the vocabulary, 'bad-option' for a method,
   *   a size or tiles that cannot be; the old prompts stay then
   */
  setPrompts(
    prompts: PromptsSource,
    options?: Pick<LoadOptions, 'size' | 'tiles' | 'allowOtherClip'>,
  ): Promise<DetectorInfo>;
  /**
   * Trains prompts on the loaded CLIP; `setPrompts` puts the result to use. One run at a time. `result` rejects with a
   * DetectorError: 'bad-option' for settings, 'training' for samples of which nothing can be learned.
   */
  train(options: TrainOptions): Training;
  /**
   * Plain CLIP: which of the texts (two or more, in English) describes the image. Each with its probability, which add up
   * to 1, and the cosine of its feature with the image's, in the order of `texts`.
   * @throws DetectorError 'bad-text' for words outside the vocabulary, 'bad-option' for fewer than two texts
   */
  classify(
    image: ImageSource,
    texts: readonly string[],
    options?: ClassifyOptions,
  ): Promise<readonly { readonly text: string; readonly probability: number; readonly cosine: number }[]>;
  /** Frees device and worker; jobs in hand are rejected with 'closed'. */
  close(): void;
}

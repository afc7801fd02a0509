/// <reference lib="dom" preserve="true" />
// What the library offers: the same types in a browser (in a worker or on the main thread) and in Node.
import type { FapromptOptions, PresetName } from '../model/faprompt/options.ts';

export type { FapromptOptions, PresetName };

/** RGB pixels, 3 bytes each, row by row from the top. */
export interface RgbPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * An image. A string is an address (in a browser relative to the page), in Node also a path; bytes and Blobs are image
 * files. Pixels are taken as they are stored: no colour management, alpha dropped, EXIF orientation applied.
 */
export type ImageSource =
  | string
  | URL
  | Blob
  | Uint8Array
  | RgbPixels
  | ImageData
  | ImageBitmap
  | HTMLImageElement
  | HTMLCanvasElement
  | HTMLVideoElement
  | OffscreenCanvas;

/** A file: by address (in Node also a path), as a Blob (a File keeps its place on the disk), or as bytes. */
export type FileSource = string | URL | Blob | Uint8Array;

/** Hand-written prompts in place of trained ones: nothing is learned. */
export interface WrittenSource {
  /** A method that needs no training, by its name in `faprompt eval --method`; default `prompt-ensemble`. */
  readonly method?: string;
  /** What the images show, in English: "metal nut". Default: "object". */
  readonly object?: string;
  /**
   * bpe_simple_vocab_16e6.txt(.gz) or merges.txt, for a CLIP that does not carry its own word list; BERT's vocab.txt for
   * a BLIP. Default: `faprompt/weights/clip-merges.txt.gz`, for hand-written prompts and `classify` in a browser also
   * where a page's tools lost it.
   */
  readonly vocabulary?: FileSource;
}

/** Trained prompts that name what the images show (of CoOp, APRIL-GAN, FiLO), or that are a BLIP's. */
export interface TrainedSource {
  /** prompts.safetensors of a training run. */
  readonly file: FileSource;
  /** What the images show, in English: "metal nut". Default: "object". */
  readonly object?: string;
  /** As of WrittenSource. */
  readonly vocabulary?: FileSource;
}

/** prompts.safetensors of a training run, the same with what it needs besides, or hand-written ones. */
export type PromptsSource = FileSource | TrainedSource | WrittenSource;

/**
 * CLIP weights in any format that `faprompt --clip` reads. Several files: the one to open first, then its
 * neighbours (shards, config.json), found by their names.
 */
export type ClipSource = FileSource | readonly File[];

/**
 * `read`: bytes of weights and prompts, from wherever they come, onto the device; one total for all files.
 * `compile`: pipelines. `compute`: the work of the image or step under way (floating-point operations).
 */
export type Phase = 'read' | 'compile' | 'compute';

export interface Progress {
  readonly phase: Phase;
  readonly done: number;
  /** May grow while `read` finds more files; `done` never falls within a phase. */
  readonly total: number;
  /** For `read`: where the bytes come from. */
  readonly from?: 'network' | 'storage' | 'file';
}

/** Something to know that stops nothing. */
export interface Warning {
  readonly kind:
    | 'storage-full' // no room: went on without storing the weights
    | 'storage-unavailable' // private window, no OPFS, ...
    | 'storage-damaged' // what was stored had the wrong hash: removed and read anew
    | 'notice'; // what the weights say about themselves ("random weights: ..."); which prompts were taken unasked
  readonly message: string;
}

/** The device's fate. After `lost` the model is loaded again and the job in hand run again; then `recovered` or `failed`. */
export interface DeviceEvent {
  readonly state: 'lost' | 'recovered' | 'failed';
  readonly message: string;
}

/** Squares along the shorter side of an image, with the share that neighbours overlap by (default 0.25); `false`: none. */
export type TileSource = number | { readonly count: number; readonly overlap?: number } | false;

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
  readonly headers?: Readonly<Record<string, string>>;
  readonly progress?: (progress: Progress) => void;
  readonly onWarning?: (warning: Warning) => void;
  readonly onDevice?: (event: DeviceEvent) => void;
  /** Stops loading; the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Most bytes of GPU memory. Default: no limit on a GPU, 4 GiB on a software adapter. */
  readonly memoryBudget?: number;
}

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

/**
 * Values in [0, 1], row by row from the top: the image squashed to the model's size, or of tiles with the image's aspect.
 */
export interface AnomalyMap {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

export interface Detection {
  /** Image anomaly score in [0, 1]. */
  readonly score: number;
  readonly map: AnomalyMap;
  /** Size of the image itself. */
  readonly image: { readonly width: number; readonly height: number };
  /**
   * `score >= threshold`; absent where the prompts carry no threshold (`faprompt calibrate`), or one that was chosen with
   * other tiles.
   */
  readonly anomalous?: boolean;
  /** Milliseconds of each part; `compile` only where something was compiled. */
  readonly times: { readonly decode: number; readonly compile: number; readonly compute: number };
  /** Each abnormality prompt alone, in their order; only with `perPrompt`. */
  readonly prompts?: readonly PromptDetection[];
}

/** What one abnormality prompt says of an image (`faprompt detect --per-prompt`). */
export interface PromptDetection {
  /** What it adds to the cosine of the image with the abnormal prototype: those of all prompts add up to it. */
  readonly contribution: number;
  /** Probability that the image is abnormal, by this prompt alone. */
  readonly probability: number;
  readonly map: AnomalyMap;
}

/** What was loaded, and onto what. */
export interface DetectorInfo {
  /** Adapter and driver in words. */
  readonly adapter: string;
  /** A software rasteriser: slow. */
  readonly software: boolean;
  readonly clip: {
    readonly name: string;
    readonly sha256: string;
    readonly parameters: number;
    readonly patch: number;
    /** Side of the images that it was trained on. */
    readonly imageResolution: number;
    /** What the file says about itself. */
    readonly notice?: string;
  };
  /** Side of images and maps in pixels. */
  readonly size: number;
  /** Squares that images are looked at in; absent: whole. */
  readonly tiles?: { readonly count: number; readonly overlap: number };
  readonly prompts?: {
    readonly threshold?: number;
    /** How they were trained, in words. */
    readonly training: Readonly<Record<string, string | number>>;
    /** How many abnormality prompts can be looked at alone (`perPrompt`); absent where none can. */
    readonly abnormalities?: number;
  };
  /** Bytes of GPU memory held. */
  readonly memory: number;
}

export interface TrainSample {
  readonly image: ImageSource;
  /** Of the image's size. An image file counts as anomalous where it is above 0 (JPEG: above 127), bytes where above 0. */
  readonly mask?:
    | ImageSource
    | { readonly width: number; readonly height: number; readonly data: Uint8Array };
  readonly name?: string;
  /** What it shows, for a method whose prompts name it; default `object`. */
  readonly className?: string;
}

export interface TrainOptions {
  /** With a mask: anomalous. Without: normal. */
  readonly samples: readonly TrainSample[];
  /** A method that learns, by the name that `faprompt train --method` has for it; default FAPrompt, by `preset`. */
  readonly method?: string;
  /** For a method whose prompts have words of their own, and for a BLIP: as of WrittenSource. */
  readonly vocabulary?: FileSource;
  /** Default as published: 15 for FAPrompt. */
  readonly epochs?: number;
  /** Images a step; default as published: 8 for FAPrompt. */
  readonly batch?: number;
  /** Default as published: 1e-3 for FAPrompt. */
  readonly learningRate?: number;
  /** The same seed gives the same prompts; default 0. */
  readonly seed?: number;
  /** Side in pixels; default 518 for patches of 14, else the CLIP's own. */
  readonly size?: number;
  /** Trailing image-encoder blocks with the V-V stream; default 19 of 24, or that share. */
  readonly dualLayers?: number;
  /** Default `topm`; not with `method`. */
  readonly preset?: PresetName;
  /** Single options in place of the preset's; not with `method`. */
  readonly options?: Partial<FapromptOptions>;
  /** Goes on from a checkpoint of the same samples and settings, with the same bits as if never stopped. */
  readonly checkpoint?: Uint8Array;
  /** Draw the map of `sample` (an index) before the first step and then every `every` steps. */
  readonly watch?: { readonly sample: number; readonly every: number };
  readonly onStep?: (event: TrainStep) => void;
  readonly onEpoch?: (event: { readonly epoch: number; readonly loss: number }) => void;
  /** Every ten steps and after every epoch, to be kept: what a page or process that ends before the run goes on from. */
  readonly onCheckpoint?: (event: { readonly step: number; readonly checkpoint: Uint8Array }) => void;
  readonly onMap?: (event: WatchedMap) => void;
  /** Once per unusable image or mask; the others go on. */
  readonly onProblem?: (problem: {
    readonly sample: number;
    readonly name: string;
    readonly message: string;
  }) => void;
  readonly progress?: (progress: Progress) => void;
  /** Ends it: the result is rejected with the signal's reason. To keep what was learnt, use `stop()`. */
  readonly signal?: AbortSignal;
}

/** Everything that `trainPrompts` wants: a CLIP, and a run. */
export type TrainPromptsOptions = TrainOptions &
  Omit<LoadOptions, 'prompts' | 'size' | 'tiles' | 'allowOtherClip'>;

export interface TrainStep {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** From 1, over all epochs. */
  readonly step: number;
  readonly steps: number;
  readonly images: number;
  /** Every term of the loss, and `total`. */
  readonly losses: Readonly<Record<string, number>>;
  readonly ms: number;
}

export interface WatchedMap {
  readonly step: number;
  readonly sample: number;
  readonly score: number;
  readonly map: AnomalyMap;
}

/** A training run under way. */
export interface Training {
  /** Resolves at the end, or after `stop()`. */
  readonly result: Promise<TrainResult>;
  readonly paused: boolean;
  /** Holds after the step under way; the device is free for `detect` meanwhile. */
  pause(): void;
  continue(): void;
  /** Ends after the step under way, with what was learnt so far. */
  stop(): void;
  /** Changes what is watched. */
  watch(watched: TrainOptions['watch']): void;
}

export interface TrainResult {
  /** prompts.safetensors, as the command line reads and writes it. */
  readonly prompts: Uint8Array<ArrayBuffer>;
  /** false: stopped before the last step. */
  readonly finished: boolean;
  /** To go on from (`TrainOptions.checkpoint`). */
  readonly checkpoint: Uint8Array<ArrayBuffer>;
  readonly epochs: number;
  readonly steps: number;
  /** Samples that could not be used. */
  readonly problems: number;
}

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
  /** Uses other prompts from now on; the CLIP stays. @throws DetectorError 'bad-prompts', and the old ones stay */
  setPrompts(
    prompts: PromptsSource,
    options?: Pick<LoadOptions, 'size' | 'tiles' | 'allowOtherClip'>,
  ): Promise<DetectorInfo>;
  /** Trains prompts on the loaded CLIP; `setPrompts` puts the result to use. One run at a time. */
  train(options: TrainOptions): Training;
  /** Plain CLIP: the probability of each text. @throws DetectorError 'bad-text' for words outside the vocabulary */
  classify(
    image: ImageSource,
    texts: readonly string[],
    options?: ClassifyOptions,
  ): Promise<readonly { readonly text: string; readonly probability: number; readonly cosine: number }[]>;
  /** Frees device and worker; jobs in hand are rejected with 'closed'. */
  close(): void;
}

/** Weights in the browser's storage. */
export interface StoredWeights {
  /** The address that they came from: what `removeWeights` wants. */
  readonly url: string;
  readonly bytes: number;
  /** Bytes that are there: fewer than `bytes` after a download that was cut, which goes on from there. */
  readonly stored: number;
  /** In hexadecimal; absent until complete. */
  readonly sha256?: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

export interface StorageUse {
  /** Bytes in use by this origin, and the most that the browser grants; 0 where it does not say. */
  readonly usage: number;
  readonly quota: number;
  /** false: there is no storage here (private window); weights are read anew each time. */
  readonly available: boolean;
}

// Training with the library.

import type { FapromptOptions, PresetName } from '../model/faprompt/options.ts';
import type { Progress } from './api-events.ts';
import type { AnomalyMap } from './api-results.ts';
import type { FileSource, ImageSource } from './api-sources.ts';

/** An image to train on. */
export interface TrainSample {
  readonly image: ImageSource;
  /** Of the image's size. An image file counts as anomalous where it is above 0 (JPEG: above 127), bytes where above 0. */
  readonly mask?:
    | ImageSource
    | { readonly width: number; readonly height: number; readonly data: Uint8Array };
  /** For messages; default: the file's name or address. */
  readonly name?: string;
  /** What it shows, for a method whose prompts name it; default `object`. */
  readonly className?: string;
}

/** A training run: what it learns from, how, and who looks on. */
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
  /** After every step. */
  readonly onStep?: (event: TrainStep) => void;
  /** After every epoch (counted from 1), with the mean of its steps' total losses. */
  readonly onEpoch?: (event: { readonly epoch: number; readonly loss: number }) => void;
  /** Every ten steps and after every epoch, to be kept: what a page or process that ends before the run goes on from. */
  readonly onCheckpoint?: (event: { readonly step: number; readonly checkpoint: Uint8Array }) => void;
  /** What `watch` asked for. */
  readonly onMap?: (event: WatchedMap) => void;
  /** Once per unusable image or mask; the others go on. */
  readonly onProblem?: (problem: {
    readonly sample: number;
    readonly name: string;
    readonly message: string;
  }) => void;
  /** Of the images' features, which are computed before they are trained on for the first time. */
  readonly progress?: (progress: Progress) => void;
  /** Ends it: the result is rejected with the signal's reason. To keep what was learnt, use `stop()`. */
  readonly signal?: AbortSignal;
}

/** What one step did. */
export interface TrainStep {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** From 1, over all epochs. */
  readonly step: number;
  readonly steps: number;
  /** In this step: the batch, or what is left of it at the end of an epoch. */
  readonly images: number;
  /** Every term of the loss (docs/METHOD.md), and `total`. */
  readonly losses: Readonly<Record<string, number>>;
  /** Milliseconds that it took. */
  readonly ms: number;
}

/** How the watched sample looks after a step. */
export interface WatchedMap {
  /** 0: before the first. */
  readonly step: number;
  /** Its index in `TrainOptions.samples`. */
  readonly sample: number;
  /** In [0, 1]. */
  readonly score: number;
  readonly map: AnomalyMap;
}

/** A training run under way. */
export interface Training {
  /** Resolves at the end, or after `stop()`; rejects with a DetectorError, or the signal's reason. */
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

/** What was learned. */
export interface TrainResult {
  /** prompts.safetensors, as the command line reads and writes it. */
  readonly prompts: Uint8Array<ArrayBuffer>;
  /** false: stopped before the last step. */
  readonly finished: boolean;
  /** To go on from (`TrainOptions.checkpoint`). */
  readonly checkpoint: Uint8Array<ArrayBuffer>;
  /** Done so far: whole epochs, and steps over all of them. */
  readonly epochs: number;
  readonly steps: number;
  /** Samples that could not be used. */
  readonly problems: number;
}

// What a method of zero-shot anomaly detection on a CLIP is, as a value: what it takes from the image encoder, how it
// scores, and, where it learns, its learnables, losses, optimizer and schedule. A family (a folder here) makes methods
// out of options; adding one touches its folder and a line in families.ts.
import type { Gpu } from '../../gpu/gpu.ts';
import type { HostData } from '../../graph/device-tensor.ts';
import type { Shape, Tensor } from '../../kernels/tensor.ts';
import type { ClipConfig } from '../clip/config.ts';
import type { ImageNeeds } from '../clip/needs.ts';
import type { Tokenizer } from '../clip/tokenizer/tokenizer.ts';
import type { Clip } from '../clip/weights.ts';
import type { ModelGraph } from '../context.ts';
import type { Targets } from '../faprompt/losses.ts';
import type { Learned, Scorer, ScorerTarget } from '../scorer.ts';
import type { BoxFile } from './filo/boxes.ts';
import type { Optimizer } from './optimizer.ts';
import type { Parts } from './parts.ts';

export interface Method {
  readonly name: string;
  /** What it is, in a few words. */
  readonly title: string;
  /** Name of its family. */
  readonly family: string;
  /** All that can be chosen about it, as JSON. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Whether scores depend on the class's name. */
  readonly namesClass: boolean;
  /** Whether scores may depend on a detector's boxes. */
  readonly usesBoxes?: boolean;
  /** @param given V-V blocks, where the method has them and the caller knows better */
  needs(clip: ClipConfig, given?: { readonly dualLayers?: number | undefined }): ImageNeeds;
  /** Absent where any size will do. @param size side of the images in pixels @throws RangeError where it will not */
  checkSize?(clip: ClipConfig, size: number): void;
  /**
   * A scorer for one class.
   * @throws TokenizerError for prompts that the vocabulary cannot express, WeightsError for learned values that are not
   *   the method's
   */
  scorer(setup: ScorerSetup): Promise<Scorer & { readonly dropped?: readonly string[] }>;
  /** Absent where nothing is trained. */
  readonly learning?: Learning;
}

/** What the methods of every family begin with. @param options all of them: JSON has no others */
export const methodHead = (
  family: string,
  name: string,
  title: string,
  options: object,
): Pick<Method, 'name' | 'title' | 'family' | 'options'> => ({
  name,
  title,
  family,
  options: { ...options },
});

export interface ScorerSetup extends ScorerTarget {
  /** Name of the images' class, as data sets write it: `metal_nut`. */
  readonly className?: string | undefined;
  /** For any text; asked for where it is needed. Default: the CLIP's own. */
  readonly tokenizer?: (() => Promise<Tokenizer>) | undefined;
  /** The learned values of a method that learns. */
  readonly learned?: Learned | undefined;
  /** A detector's boxes, for a method that uses them (`usesBoxes`). */
  readonly boxes?: BoxFile | undefined;
}

/** The published schedule of a training. */
export interface Schedule {
  readonly epochs: number;
  readonly batch: number;
  readonly learningRate: number;
}

export interface Learning {
  readonly schedule: Schedule;
  readonly optimizer: Optimizer;
  /** Epochs of each phase, where there is more than one; the optimizer starts anew with each. */
  phases?(epochs: number): readonly number[];
  /** Learnables that are held in parts (parts.ts). */
  parts?(clip: ClipConfig): Parts;
  /** Images of a step at most. */
  readonly largestBatch?: number;
  /** Name -> shape of the learnables, under the names of the published checkpoints. */
  shapes(clip: ClipConfig): Map<string, Shape>;
  /** Initial values, a function of the seed. */
  initial(clip: Clip, seed: number, tokenizer?: () => Promise<Tokenizer>): Promise<Map<string, Float32Array>>;
  /** Computes what does not change during a run. */
  prepare(setup: LearnSetup): Promise<Learner>;
}

export interface LearnSetup extends Pick<ScorerSetup, 'clip' | 'size' | 'tokenizer'> {
  /** Absent: the step is only planned, and values that the device would compute may be any. */
  readonly gpu?: Gpu | undefined;
  /** Classes of the training images. */
  readonly classes: readonly string[];
}

export interface Learner {
  /** Builds the loss of a batch; inputs of its own besides features and targets come from `feeds`. */
  build(
    model: ModelGraph,
    features: Readonly<Record<string, Tensor>>,
    targets: Targets,
    phase?: number,
  ): StepParts;
  /** @param classes of the images of a batch */
  feeds?(classes: readonly string[]): Record<string, HostData>;
}

export interface StepParts {
  /** Learnables that the loss reads and this phase leaves as they are; those that are trained may be among them. */
  readonly fixed?: ReadonlyMap<string, Tensor>;
  readonly learnables: ReadonlyMap<string, Tensor>;
  /** Every term, and the `total` that is minimised. */
  readonly losses: Readonly<Record<string, Tensor>> & { readonly total: Tensor };
}

/** Throws; handed the field (empty: the value itself), what was expected and what was found. */
export type Fail = (field: string, expected: string, found: string) => never;

/** One folder here. */
export interface Family {
  readonly name: string;
  /** What its options may be, for help and messages. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** A method out of options as JSON has them: the given ones over `defaults`. @throws by `fail` */
  parse(name: string, title: string, options: Readonly<Record<string, unknown>>, fail: Fail): Method;
}

// Where a trainer's images come from: files in Node, a picker's files in a page.
import type { HostFeatures } from '../model/clip/image-encoder.ts';

export interface TrainingImage {
  readonly features: HostFeatures;
  /** The image's class, for prompts that name it; default: `object`. */
  readonly className?: string;
  readonly anomalous: boolean;
  /** 1 where anomalous, [S * S]; absent: nowhere. */
  readonly mask?: Uint8Array;
}

/** An image that cannot be used; the run goes on without it. */
export interface ImageProblem {
  readonly file: string;
  readonly problem: Error;
}

export interface TrainingSource {
  readonly count: number;
  /** Images to load at the same time, if it is more than a step's batch. */
  readonly ahead?: number;
  /** Classes of the images, each once; absent where they have none. */
  readonly classes?: readonly string[];
  /** Image `index`, several at the same time. Failures that are not about the image (the device's, say) are thrown. */
  load(index: number): Promise<TrainingImage | ImageProblem>;
}

import type { Split } from '../data/dataset.ts';
import type { CacheOptions } from '../jobs/session.ts';

/** The options of `train` as they were given. */
export interface TrainGiven extends CacheOptions {
  readonly data?: string;
  readonly clip?: string;
  readonly clipConfig?: string;
  readonly out?: string;
  readonly split: Split;
  readonly epochs?: number;
  readonly batch?: number;
  readonly imageSize?: number;
  readonly dualLayers?: number;
  readonly seed: number;
  readonly lr?: number;
  readonly vocabulary?: string;
  readonly resume?: boolean;
  readonly saveEvery: number;
  readonly gpuCache?: number;
  readonly dryRun?: boolean;
  readonly nodes?: boolean;
  readonly json?: boolean;
}

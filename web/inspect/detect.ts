// One photograph through the detector.
import type { Detection, Detector } from '../../src/detector/index.ts';
import type { JobTools } from '../engine/engine.ts';

export interface Source {
  readonly file: Blob;
  readonly name: string;
}

export type Detect = (source: Source, detector: Detector, tools: JobTools) => Promise<Detection>;

export const detectPhoto: Detect = ({ file, name }, detector, tools) =>
  detector.detect(file, { name, ...tools });

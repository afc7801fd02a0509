// One photograph through the detector.
import type { Detection, Detector } from '../../src/detector/index.ts';
import type { JobTools } from '../engine/engine.ts';

export const detectPhoto = (
  { file, name }: { readonly file: Blob; readonly name: string },
  detector: Detector,
  tools: JobTools,
): Promise<Detection> => detector.detect(file, { name, ...tools });

// One photograph through the detector, as the page does it everywhere.
import type { Detection, Detector } from '../../src/detector/index.ts';
import type { Engine } from '../engine/engine.ts';
import type { JobTools } from '../engine/jobs.ts';

export interface Source {
  readonly file: Blob;
  readonly name: string;
}

export type Detect = (source: Source, detector: Detector, tools: JobTools) => Promise<Detection>;

/** Measures on the way how fast this device is. */
export const createDetect =
  ({ setPace }: Engine): Detect =>
  async ({ file, name }, detector, { progress, signal }) => {
    let operations = 0;
    const detection = await detector.detect(file, {
      name,
      signal,
      progress(now) {
        if (now.phase === 'compute') operations = now.total;
        progress(now);
      },
    });
    setPace(operations, detection.times.compute);
    return detection;
  };

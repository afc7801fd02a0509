// The page's side of worker.ts.
import { type Remote, wrap } from 'comlink';
import type { AnomalyMap } from '../../src/data/heatmap.ts';
import type { Detection } from '../../src/detector/index.ts';
import type { Studio } from './worker.ts';

let started: Remote<Studio> | undefined;

/** The worker, started when it is first needed. */
export function studio(): Remote<Studio> {
  started ??= wrap<Studio>(new Worker(new URL('./studio.js', import.meta.url), { type: 'module' }));
  return started;
}

/** A detection's map as the drawing code wants it. */
export const asMap = ({ map: { width, height, data } }: Pick<Detection, 'map'>): AnomalyMap => ({
  width,
  height,
  values: data,
});

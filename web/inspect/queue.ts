// Inspects photographs one after the other; a bad one is named, and the others go on.

import { announce } from '../core/announce.ts';
import { plural } from '../core/format.ts';
import type { Engine } from '../engine/engine.ts';
import { concernsAll, explain, type Problem } from '../engine/problems.ts';
import type { Detect } from './detect.ts';
import type { Photo, Photos } from './photos.ts';

export interface Queue {
  /** Inspects everything that waits. */
  start(): void;
  /** Inspects one again; or what failed or was stopped; or with another model everything. */
  again(which: 'unfinished' | 'all' | Photo): void;
}

export interface QueueReports {
  /** A failure that concerns all photographs; undefined once work goes on. */
  onProblem(problem: Problem | undefined): void;
  /** How many came out how, for the end of a batch. */
  summary(photos: readonly Photo[]): string;
}

/** @param detect does one photograph */
export function createQueue(
  { all, finish, fail }: Photos,
  engine: Engine,
  detect: Detect,
  { onProblem, summary }: QueueReports,
): Queue {
  let running = false;
  const next = () => all.peek().find(({ state }) => state.peek().kind === 'waiting');

  async function inspect(photo: Photo): Promise<Problem | undefined> {
    photo.state.value = { kind: 'working' };
    try {
      finish(photo, await engine.run(photo.name, (detector, tools) => detect(photo, detector, tools)));
      return undefined;
    } catch (error) {
      const problem = explain(error);
      if (problem.kind === 'stopped') photo.state.value = { kind: 'stopped' };
      else fail(photo, problem);
      return problem;
    }
  }

  async function start(): Promise<void> {
    if (running) return;
    running = true;
    onProblem(undefined);
    const batch: Photo[] = [];
    let whole = true;
    for (let photo = next(); photo; photo = next()) {
      const problem = await inspect(photo);
      batch.push(photo);
      if (!problem || !concernsAll(problem)) continue;
      whole = false;
      for (const { state } of all.peek())
        if (state.peek().kind === 'waiting') state.value = { kind: 'stopped' };
      if (problem.kind !== 'stopped') {
        // It is about the model or the device, not about this photograph.
        photo.state.value = { kind: 'stopped' };
        onProblem(problem);
      }
    }
    running = false;
    // A single one is said with its verdict.
    if (whole && batch.length > 1)
      announce(`${plural(batch.length, 'photograph')} inspected. ${summary(batch)}`);
  }

  return {
    start,
    again(which) {
      for (const photo of all.peek()) {
        const { kind } = photo.state.peek();
        const wanted =
          which === 'all' ||
          which === photo ||
          (which === 'unfinished' && (kind === 'failed' || kind === 'stopped'));
        if (kind !== 'working' && wanted) photo.state.value = { kind: 'waiting' };
      }
      start();
    },
  };
}

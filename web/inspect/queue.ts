// Inspects photographs one after the other; a bad one is named, and the others go on.

import type { Engine } from '../engine/engine.ts';
import { concernsAll, explain, type Problem } from '../engine/problems.ts';
import type { Photo, Photos } from './photos.ts';

export interface Queue {
  /** Inspects everything that waits. */
  start(): void;
  /** Inspects again: what failed or was stopped, or with another model everything. */
  again(which: 'unfinished' | 'all'): void;
}

/** @param onProblem a failure that concerns all photographs; undefined once work goes on */
export function createQueue(
  { all }: Photos,
  engine: Engine,
  onProblem: (problem: Problem | undefined) => void,
): Queue {
  let running = false;
  const next = () => all.peek().find(({ state }) => state.peek().kind === 'waiting');

  async function inspect(photo: Photo): Promise<Problem | undefined> {
    photo.state.value = { kind: 'working' };
    try {
      const detection = await engine.run(photo.name, (detector, tools) =>
        detector.detect(photo.file, { name: photo.name, ...tools }),
      );
      photo.state.value = { kind: 'done', detection };
      return undefined;
    } catch (error) {
      const problem = explain(error);
      photo.state.value = problem.kind === 'stopped' ? { kind: 'stopped' } : { kind: 'failed', problem };
      return problem;
    }
  }

  async function start(): Promise<void> {
    if (running) return;
    running = true;
    onProblem(undefined);
    for (let photo = next(); photo; photo = next()) {
      const problem = await inspect(photo);
      if (!problem || !concernsAll(problem)) continue;
      for (const { state } of all.peek())
        if (state.peek().kind === 'waiting') state.value = { kind: 'stopped' };
      if (problem.kind !== 'stopped') {
        // It is about the model or the device, not about this photograph.
        photo.state.value = { kind: 'stopped' };
        onProblem(problem);
      }
    }
    running = false;
  }

  return {
    start,
    again(which) {
      for (const { state } of all.peek()) {
        const { kind } = state.peek();
        if (kind !== 'working' && (which === 'all' || kind === 'failed' || kind === 'stopped'))
          state.value = { kind: 'waiting' };
      }
      start();
    },
  };
}

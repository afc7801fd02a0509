// Inspects photographs one after the other; a bad one is named, and the others go on.
import { batch, type ReadonlySignal, signal } from '@preact/signals-core';
import { announce } from '../core/announce.ts';
import { plural } from '../core/format.ts';
import type { Engine } from '../engine/engine.ts';
import { concernsAll, explain, type Problem } from '../engine/problems.ts';
import type { Detect } from './detect.ts';
import type { Photo } from './photo.ts';
import type { Photos } from './photos.ts';

export interface Queue {
  /** Seconds that a photograph takes, by the last ones; undefined: none was done yet. */
  readonly pace: ReadonlySignal<number | undefined>;
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

/** Photographs that the pace is taken from. */
const paceOver = 8;

/** @param detect does one photograph */
export function createQueue(
  { all, finish, fail }: Photos,
  engine: Engine,
  detect: Detect,
  { onProblem, summary }: QueueReports,
): Queue {
  let running = false;
  const pace = signal<number | undefined>(undefined);
  const times: number[] = [];
  const next = () => all.peek().find(({ state }) => state.peek().kind === 'waiting');

  async function inspect(photo: Photo): Promise<Problem | undefined> {
    photo.state.value = { kind: 'working' };
    let began = 0;
    try {
      const detection = await engine.run(photo.name, (detector, tools) => {
        // The model is open.
        began = performance.now();
        return detect(photo, detector, tools);
      });
      times.push((performance.now() - began) / 1000);
      if (times.length > paceOver) times.shift();
      batch(() => {
        finish(photo, detection);
        pace.value = times.reduce((sum, time) => sum + time, 0) / times.length;
      });
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
    const done: Photo[] = [];
    let whole = true;
    for (let photo = next(); photo; photo = next()) {
      const problem = await inspect(photo);
      done.push(photo);
      if (!problem || !concernsAll(problem)) continue;
      whole = false;
      turn(
        all.peek().filter(({ state }) => state.peek().kind === 'waiting'),
        'stopped',
      );
      if (problem.kind !== 'stopped') {
        // It is about the model or the device, not about this photograph.
        photo.state.value = { kind: 'stopped' };
        onProblem(problem);
      }
    }
    running = false;
    // A single one is said with its verdict.
    if (whole && done.length > 1)
      announce(`${plural(done.length, 'photograph')} inspected. ${summary(done)}`);
  }

  return {
    pace,
    start,
    again(which) {
      const wanted = all.peek().filter((photo) => {
        const { kind } = photo.state.peek();
        if (kind === 'working') return false;
        return (
          which === 'all' ||
          which === photo ||
          (which === 'unfinished' && (kind === 'failed' || kind === 'stopped'))
        );
      });
      // With another model they take another time.
      if (which === 'all') times.length = 0;
      turn(wanted, 'waiting');
      start();
    },
  };
}

/** At once: whoever counts photographs counts them once, not once for each. */
const turn = (photos: readonly Photo[], kind: 'waiting' | 'stopped'): void =>
  batch(() => {
    for (const { state } of photos) state.value = { kind };
  });

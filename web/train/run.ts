// A training run: begun, held, ended, and what came out of it.
import { type ReadonlySignal, signal } from '@preact/signals-core';
import type { Progress, Training, TrainResult, TrainStep, WatchedMap } from '../../src/detector/index.ts';
import { createClock } from '../engine/activity.ts';
import type { Engine } from '../engine/engine.ts';
import { explain, type Problem } from '../engine/problems.ts';
import { kindOf, type TrainItem } from './items.ts';

export interface RunSettings {
  readonly epochs: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly seed: number;
}

export type RunState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running' | 'paused' | 'stopping' }
  | { readonly kind: 'done'; readonly result: TrainResult }
  | { readonly kind: 'failed'; readonly problem: Problem };

export interface RunEvents {
  step(event: TrainStep): void;
  map(event: WatchedMap): void;
  /** An image that could not be used. */
  problem(text: string): void;
}

export interface Run {
  readonly state: ReadonlySignal<RunState>;
  /** The last step. */
  readonly step: ReadonlySignal<TrainStep | undefined>;
  readonly progress: ReadonlySignal<Progress | undefined>;
  /** Seconds until the last step. */
  readonly remaining: ReadonlySignal<number | undefined>;
  /** The images in use, in the order that `map` events count in. */
  readonly items: ReadonlySignal<readonly TrainItem[]>;
  /** @param events are told while it runs */
  start(
    items: readonly TrainItem[],
    settings: RunSettings,
    events: RunEvents,
    checkpoint?: TrainResult['checkpoint'],
  ): Promise<void>;
  pause(): void;
  continue(): void;
  /** Ends after the step under way, with what was learnt. */
  stop(): void;
  watch(sample: number): void;
}

/** Steps between two drawings of the watched image's map. */
const watchEvery = 2;

export function createRun(engine: Engine): Run {
  const state = signal<RunState>({ kind: 'idle' });
  const step = signal<TrainStep | undefined>(undefined);
  const progress = signal<Progress | undefined>(undefined);
  const remaining = signal<number | undefined>(undefined);
  const items = signal<readonly TrainItem[]>([]);
  let training: Training | undefined;

  async function start(
    given: readonly TrainItem[],
    settings: RunSettings,
    events: RunEvents,
    checkpoint?: TrainResult['checkpoint'],
  ): Promise<void> {
    const usable = given.filter((item) => kindOf(item) !== 'unusable');
    items.value = usable;
    step.value = undefined;
    remaining.value = undefined;
    state.value = { kind: 'running' };
    engine.locked.value = true;
    const clock = createClock();
    const watched = Math.max(
      0,
      usable.findIndex((item) => kindOf(item) === 'defect'),
    );
    try {
      const detector = await engine.run('Opening the model', async (opened) => opened);
      training = detector.train({
        samples: usable.map(({ image, mask, name }) => {
          const known = mask.peek();
          return { image, name, ...(known ? { mask: known } : {}) };
        }),
        ...settings,
        ...(checkpoint ? { checkpoint } : {}),
        watch: { sample: watched, every: watchEvery },
        onStep(event) {
          step.value = event;
          remaining.value = clock({ phase: 'compute', done: event.step, total: event.steps });
          events.step(event);
        },
        onMap: events.map,
        onProblem: ({ name, message }) => events.problem(`${name}: ${message}`),
        progress: (now) => {
          progress.value = now;
        },
      });
      // Asked for while the model was being opened.
      if (state.peek().kind === 'paused') training.pause();
      state.value = { kind: 'done', result: await training.result };
    } catch (error) {
      const problem = explain(error);
      state.value = problem.kind === 'stopped' ? { kind: 'idle' } : { kind: 'failed', problem };
    } finally {
      training = undefined;
      progress.value = undefined;
      engine.locked.value = false;
    }
  }

  return {
    state,
    step,
    progress,
    remaining,
    items,
    start,
    pause() {
      training?.pause();
      state.value = { kind: 'paused' };
    },
    continue() {
      training?.continue();
      state.value = { kind: 'running' };
    },
    stop() {
      // Before the first step there is nothing to keep.
      if (training) training.stop();
      else engine.cancel();
      state.value = { kind: 'stopping' };
    },
    watch: (sample) => training?.watch({ sample, every: watchEvery }),
  };
}

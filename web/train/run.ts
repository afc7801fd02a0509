// A training run: begun, held, ended, and what came out of it.
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals-core';
import type { Progress, Training, TrainResult, TrainStep, WatchedMap } from '../../src/detector/index.ts';
import { createClock } from '../engine/activity.ts';
import type { Engine } from '../engine/engine.ts';
import { explain, type Problem } from '../engine/problems.ts';
import { setAside } from './held.ts';
import { isUsable, kindOf, type TrainItem } from './items.ts';

export interface RunSettings {
  readonly epochs: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly seed: number;
  /** Share of the images that is set aside to check the prompts with. */
  readonly held: number;
}

export type RunState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running' | 'paused' | 'stopping' }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly problem: Problem };

/** An image as it was trained on: what becomes of the gallery afterwards does not matter. */
export interface Sample {
  readonly name: string;
  readonly image: Blob;
  readonly mask?: Blob;
}

/** What a run learnt, and all that it takes to go on. */
export interface Outcome {
  readonly result: TrainResult;
  readonly samples: readonly Sample[];
  readonly held: readonly Sample[];
  readonly settings: RunSettings;
  /** Side of the images in pixels; absent: the CLIP's own. */
  readonly size?: number;
}

/** A run that the page went away from, or that failed in its middle. */
export interface Unfinished extends Omit<Outcome, 'result'> {
  readonly checkpoint: TrainResult['checkpoint'];
  readonly step: number;
  readonly steps: number;
}

export interface RunEvents {
  step(event: TrainStep): void;
  map(event: WatchedMap): void;
  /** An image that could not be used. */
  problem(text: string): void;
}

export interface Run {
  readonly state: ReadonlySignal<RunState>;
  /** Running, paused or stopping. */
  readonly busy: ReadonlySignal<boolean>;
  /** Of the last run that learnt anything: a failure later does not take it away. */
  readonly outcome: ReadonlySignal<Outcome | undefined>;
  /** The last step. */
  readonly step: ReadonlySignal<TrainStep | undefined>;
  readonly progress: ReadonlySignal<Progress | undefined>;
  /** Seconds until the last step. */
  readonly remaining: ReadonlySignal<number | undefined>;
  /** The images in use, in the order that `map` events count in. */
  readonly samples: ReadonlySignal<readonly Sample[]>;
  /** @param events are told while it runs */
  start(items: readonly TrainItem[], settings: RunSettings, events: RunEvents): Promise<void>;
  /** Goes on from the outcome, with its images and settings, for so many epochs more. */
  more(epochs: number, events: RunEvents): Promise<void>;
  /** Goes on with a run that did not come to its end. */
  resume(from: Unfinished, events: RunEvents): Promise<void>;
  pause(): void;
  continue(): void;
  /** Ends after the step under way, with what was learnt. */
  stop(): void;
  watch(sample: number): void;
}

/** Steps between two drawings of the watched image's map. */
const watchEvery = 2;

interface Plan extends Omit<Outcome, 'result'> {
  readonly checkpoint?: TrainResult['checkpoint'];
}

/**
 * @param outcome filled with what a run learnt; may hold an earlier one
 * @param unfinished filled while a run is under way, and emptied when it ends by itself or is stopped
 */
export function createRun(
  engine: Engine,
  outcome: Signal<Outcome | undefined>,
  unfinished: Signal<Unfinished | undefined>,
): Run {
  const state = signal<RunState>({ kind: 'idle' });
  const step = signal<TrainStep | undefined>(undefined);
  const progress = signal<Progress | undefined>(undefined);
  const remaining = signal<number | undefined>(undefined);
  const samples = signal<readonly Sample[]>([]);
  let training: Training | undefined;
  let stopped = false;

  async function go(plan: Plan, events: RunEvents): Promise<void> {
    const { checkpoint, ...given } = plan;
    const { held: _, ...settings } = given.settings;
    samples.value = given.samples;
    step.value = undefined;
    remaining.value = undefined;
    stopped = false;
    state.value = { kind: 'running' };
    engine.locked.value = true;
    const clock = createClock();
    const watched = Math.max(
      0,
      given.samples.findIndex(({ mask }) => mask),
    );
    try {
      const detector = await engine.run('Opening the model', async (opened) => opened);
      // As large as in Inspect, where the prompts will be used.
      const size = given.size ?? (detector.info.prompts ? detector.info.size : engine.choice.peek().size);
      if (!stopped) {
        training = detector.train({
          samples: given.samples,
          ...settings,
          ...(size ? { size } : {}),
          ...(checkpoint ? { checkpoint } : {}),
          watch: { sample: watched, every: watchEvery },
          onStep(event) {
            step.value = event;
            remaining.value = clock({ phase: 'compute', done: event.step, total: event.steps });
            events.step(event);
          },
          onCheckpoint({ step: at, checkpoint }) {
            const steps = step.peek()?.steps ?? at;
            unfinished.value = {
              ...given,
              ...(size ? { size } : {}),
              checkpoint: Uint8Array.from(checkpoint),
              step: at,
              steps,
            };
          },
          onMap: events.map,
          onProblem: ({ name, message }) => events.problem(`${name} could not be used: ${message}`),
          progress: (now) => {
            progress.value = now;
          },
        });
        // Asked for while the model was being opened.
        if (state.peek().kind === 'paused') training.pause();
        const result = await training.result;
        // Stopped before the first step there is nothing to keep; what was there before stays.
        if (result.steps > 0) outcome.value = { ...given, result, ...(size ? { size } : {}) };
        unfinished.value = undefined;
      }
      state.value = { kind: step.peek() ? 'done' : 'idle' };
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
    busy: computed(() => ['running', 'paused', 'stopping'].includes(state.value.kind)),
    outcome,
    step,
    progress,
    remaining,
    samples,
    start(items, settings, events) {
      const [rest, held] = setAside(items.filter(isUsable), kindOf, settings.held, settings.seed);
      return go({ samples: rest.map(sampleOf), held: held.map(sampleOf), settings }, events);
    },
    async more(epochs, events) {
      const from = outcome.peek();
      if (!from) return;
      const { result, ...plan } = from;
      const settings = { ...plan.settings, epochs: result.epochs + epochs };
      await go({ ...plan, settings, checkpoint: result.checkpoint }, events);
    },
    async resume({ checkpoint, step: _, steps: __, ...plan }, events) {
      await go({ ...plan, checkpoint }, events);
    },
    pause() {
      training?.pause();
      state.value = { kind: 'paused' };
    },
    continue() {
      training?.continue();
      state.value = { kind: 'running' };
    },
    stop() {
      stopped = true;
      if (training) training.stop();
      else engine.cancel();
      state.value = { kind: 'stopping' };
    },
    watch: (sample) => training?.watch({ sample, every: watchEvery }),
  };
}

const sampleOf = ({ name, image, mask }: TrainItem): Sample => {
  const known = mask.peek();
  return { name, image, ...(known ? { mask: known } : {}) };
};

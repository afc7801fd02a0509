// The detector behind the page: opened when it is first needed, one job at a time, each with progress and cancel.
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals-core';
import { defaultOverlap, describeTiles, type TileOptions } from '../../src/base/tile-options.ts';
import type { Detector, DetectorInfo, DeviceEvent, Warning } from '../../src/detector/index.ts';
import { keep, kept, onTakeOver, ownsWork } from '../core/keep.ts';
import type { Activity } from './activity.ts';
import {
  brought,
  type Learnt,
  learntFrom,
  type ModelChoice,
  sameChoice,
  shippedChoice,
  storable,
} from './choice.ts';
import { createJobs, type JobTools } from './jobs.ts';
import type { Limit } from './limit.ts';
import { createLimits, type LimitsBySource } from './limits.ts';
import { createOpenModel } from './open-model.ts';

export interface Engine {
  readonly choice: ReadonlySignal<ModelChoice>;
  /** Absent while no model is open. */
  readonly info: ReadonlySignal<DetectorInfo | undefined>;
  /** The same; while no model is open, what was known of this choice when it last was. */
  readonly known: ReadonlySignal<DetectorInfo | undefined>;
  /** What the CLIP learnt from, where it is one of this page: too little for verdicts on photographs. */
  readonly learnt: ReadonlySignal<Learnt | undefined>;
  /** What scores come from: this CLIP with these prompts at this size, in these tiles; undefined: nobody knows yet. */
  readonly scoring: ReadonlySignal<string | undefined>;
  /** From which score photographs fail; absent: nobody said. */
  readonly limit: ReadonlySignal<Limit | undefined>;
  /** The same, if it was chosen here: not by who made the prompts. */
  readonly ownLimit: ReadonlySignal<Limit | undefined>;
  readonly activity: ReadonlySignal<Activity | undefined>;
  /** Floating-point operations per millisecond that photographs were inspected with; absent: none was yet. */
  readonly pace: ReadonlySignal<number | undefined>;
  /** The device's last change of fate; forgotten with the next job. */
  readonly device: ReadonlySignal<DeviceEvent | undefined>;
  readonly warnings: ReadonlySignal<readonly Warning[]>;
  /** Squares that photographs are looked at in; undefined: whole. */
  readonly tiles: ReadonlySignal<TileOptions | undefined>;
  /** While a training run needs the model, it cannot be changed. */
  readonly locked: Signal<boolean>;
  /** Resolves once the choice of the last visit is back. */
  readonly ready: Promise<void>;
  /**
   * Opens another model, or other prompts on the same one.
   * @throws DetectorError, and the choice stays as it was, open
   */
  use(choice: ModelChoice): Promise<void>;
  /** Takes a choice over with what is known of it, without opening it yet. */
  adopt(choice: ModelChoice, known: DetectorInfo | undefined, limit: Limit | undefined): void;
  /** An image took so long. */
  setPace(operations: number, milliseconds: number): void;
  /** Sets the limit of the prompts in use; undefined: back to what is stored with them, if anything. */
  setLimit(limit: Limit | undefined): void;
  /** Opens the model if need be and does a job with it, after the jobs before. @param quiet no progress is shown */
  run<Result>(
    title: string,
    job: (detector: Detector, tools: JobTools) => Promise<Result>,
    quiet?: boolean,
  ): Promise<Result>;
  /** Stops the job under way and those that wait. */
  cancel(): void;
}

/** What is kept of the choice. */
interface Kept {
  readonly choice: ModelChoice;
  readonly known?: DetectorInfo | undefined;
}

export function createEngine(): Engine {
  const choice = signal(shippedChoice());
  const pace = signal<number | undefined>(undefined);
  const model = createOpenModel();
  const { info, known, device, warnings } = model;
  const scoring = computed(() => known.value && scoringOf(choice.value, known.value));
  const { all: limits, limit, set: setLimit } = createLimits(scoring, known);

  const restore = async () => {
    const [found, limitsFound, paceFound] = await Promise.all([
      kept<Kept>('settings', 'model'),
      kept<LimitsBySource>('settings', 'limits'),
      kept<number>('settings', 'pace'),
    ]);
    if (limitsFound) limits.value = limitsFound;
    pace.value = paceFound;
    if (!found) return;
    const now = brought(found.choice);
    if (!sameChoice(now, choice.peek())) choice.value = now;
    // Of other prompts nothing is known yet: neither limits nor scores of those before are theirs.
    model.recall(now === found.choice ? found.known : undefined);
  };
  const ready = restore();
  // A model that is open here stays: scores of this tab come from it.
  onTakeOver(() => (model.detector() ? remember(choice.peek(), info.peek()) : restore()));

  const jobs = createJobs(ready, model);
  const opened = async (tools: JobTools): Promise<Detector> => {
    const open = model.detector();
    if (open) return open;
    const detector = await model.load(choice.peek(), tools);
    void remember(choice.peek(), info.peek());
    return detector;
  };
  return {
    choice,
    info,
    known,
    learnt: computed(() => learntFrom(known.value?.clip.sha256)),
    scoring,
    limit,
    ownLimit: computed(() => (limit.value?.from === 'prompts' ? undefined : limit.value)),
    activity: jobs.activity,
    pace,
    device,
    warnings,
    tiles: computed(() => (known.value ? known.value.tiles : tilesOf(choice.value))),
    locked: signal(false),
    ready,
    use: (next) =>
      jobs.run('Opening the model', async (tools) => {
        await model.change(choice.peek(), next, tools);
        choice.value = next;
        await remember(next, info.peek());
      }),
    adopt(next, about, limit) {
      model.close();
      model.recall(about);
      choice.value = next;
      void remember(next, about);
      if (limit && limit.from !== 'prompts') setLimit(limit);
    },
    setPace(operations, milliseconds) {
      if (!(operations > 0 && milliseconds > 0)) return;
      pace.value = operations / milliseconds;
      void keep('settings', 'pace', pace.peek());
    },
    setLimit,
    run: (title, job, quiet) => jobs.run(title, async (tools) => job(await opened(tools), tools), quiet),
    cancel: jobs.cancel,
  };
}

/** The photographs that are kept were looked at with it: it is for the tab that holds them to say which it is. */
async function remember(choice: ModelChoice, known: DetectorInfo | undefined): Promise<void> {
  const now = { choice: storable(choice), known } satisfies Kept;
  if (await ownsWork()) await keep('settings', 'model', now);
}

function scoringOf({ prompts }: ModelChoice, { clip, size, tiles }: DetectorInfo): string {
  const apart = tiles ? ` in ${describeTiles(tiles)}` : '';
  return `${clip.sha256} ${prompts?.id} ${size}${apart}`;
}

/** What a choice comes to before its model was ever open. */
const tilesOf = ({ tiles: count }: ModelChoice): TileOptions | undefined =>
  count ? { count, overlap: defaultOverlap } : undefined;

// The detector behind the page: opened when it is first needed, one job at a time, each with progress and cancel.
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals-core';
import { defaultOverlap, describeTiles, type TileOptions } from '../../src/base/tile-options.ts';
import {
  Detector,
  type DetectorInfo,
  type DeviceEvent,
  type Progress,
  type Warning,
} from '../../src/detector/index.ts';
import { keep, keepChanged, kept, onTakeOver, ownsWork } from '../core/keep.ts';
import { type Activity, createClock } from './activity.ts';
import {
  howToLook,
  type Learnt,
  learntFrom,
  type ModelChoice,
  sameChoice,
  shippedChoice,
  storable,
} from './choice.ts';
import type { Limit } from './limit.ts';

export interface JobTools {
  readonly progress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}

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
  const info = signal<DetectorInfo | undefined>(undefined);
  const before = signal<DetectorInfo | undefined>(undefined);
  const known = computed(() => info.value ?? before.value);
  const limits = signal<Readonly<Record<string, Limit>>>({});
  const activity = signal<Activity | undefined>(undefined);
  const pace = signal<number | undefined>(undefined);
  const device = signal<DeviceEvent | undefined>(undefined);
  const warnings = signal<readonly Warning[]>([]);
  let open: Detector | undefined;
  let abort = new AbortController();

  const ready = restore();
  // A model that is open here stays: scores of this tab come from it.
  onTakeOver(() => (open ? remember(info.peek()) : restore()));
  let last: Promise<unknown> = ready;
  async function restore(): Promise<void> {
    const [found, limitsFound, paceFound] = await Promise.all([
      kept<Kept>('settings', 'model'),
      kept<Record<string, Limit>>('settings', 'limits'),
      kept<number>('settings', 'pace'),
    ]);
    if (limitsFound) limits.value = limitsFound;
    pace.value = paceFound;
    if (!found) return;
    if (!sameChoice(found.choice, choice.peek())) choice.value = found.choice;
    before.value = found.known;
  }
  /** The photographs that are kept were looked at with it: it is for the tab that holds them to say which it is. */
  const remember = async (known: DetectorInfo | undefined) => {
    const now = { choice: storable(choice.peek()), known } satisfies Kept;
    if (await ownsWork()) await keep('settings', 'model', now);
  };
  const rememberLimit = (at: string, limit: Limit | undefined) => {
    const change = ({ [at]: _, ...others }: Readonly<Record<string, Limit>> = {}) =>
      limit ? { ...others, [at]: limit } : others;
    limits.value = change(limits.peek());
    void keepChanged('settings', 'limits', change);
  };

  const tiles = computed((): TileOptions | undefined => {
    const about = known.value;
    if (about) return about.tiles;
    const { tiles: count } = choice.value;
    return count ? { count, overlap: defaultOverlap } : undefined;
  });
  const scoring = computed(() => {
    const about = known.value;
    const apart = about?.tiles ? ` in ${describeTiles(about.tiles)}` : '';
    return about && `${about.clip.sha256} ${choice.value.prompts?.id} ${about.size}${apart}`;
  });
  const limit = computed((): Limit | undefined => {
    const own = scoring.value === undefined ? undefined : limits.value[scoring.value];
    const stored = known.value?.prompts?.threshold;
    return own ?? (stored === undefined ? undefined : { value: stored, from: 'prompts' });
  });

  const close = () => {
    open?.close();
    open = undefined;
    before.value = info.peek() ?? before.peek();
    info.value = undefined;
    warnings.value = [];
  };
  const load = async (next: ModelChoice, tools: JobTools): Promise<Detector> => {
    close();
    const { clip, prompts } = next;
    open = await Detector.load({
      clip: clip.source,
      ...(clip.sha256 ? { sha256: clip.sha256 } : {}),
      ...(prompts ? { prompts: prompts.source, ...howToLook(next) } : {}),
      ...tools,
      onWarning: (warning) => {
        warnings.value = [...warnings.value, warning];
      },
      onDevice: (event) => {
        device.value = event;
        if (event.state === 'failed') close();
      },
    });
    info.value = open.info;
    return open;
  };

  /** One after the other, so that progress and cancel have one meaning. */
  const enqueue = <Result>(
    title: string,
    work: (tools: JobTools) => Promise<Result>,
    quiet = false,
  ): Promise<Result> => {
    const { signal } = abort;
    const job = last.then(async () => {
      signal.throwIfAborted();
      const remaining = createClock();
      if (!quiet) activity.value = { title };
      device.value = undefined;
      const progress = (progress: Progress) => {
        if (quiet && open) return;
        const rest = remaining(progress);
        activity.value = { title, progress, ...(rest === undefined ? {} : { remaining: rest }) };
      };
      try {
        return await work({ progress, signal });
      } finally {
        activity.value = undefined;
      }
    });
    last = job.catch(() => {});
    return job;
  };

  const opened = async (tools: JobTools): Promise<Detector> => {
    if (open) return open;
    const detector = await load(choice.peek(), tools);
    void remember(info.peek());
    return detector;
  };

  async function change(next: ModelChoice, tools: JobTools): Promise<void> {
    const now = choice.peek();
    const sameClip = open && sameSource(next.clip.source, now.clip.source);
    if (sameClip && next.prompts) {
      // Refused, the old ones stay.
      info.value = await open!.setPrompts(next.prompts.source, howToLook(next));
      return;
    }
    try {
      await load(next, tools);
    } catch (error) {
      const failed = info.peek() === undefined && open === undefined;
      // What worked before works on; its files are on the disk.
      if (failed) await load(now, { ...tools, signal: new AbortController().signal }).catch(() => {});
      throw error;
    }
  }

  return {
    choice,
    info,
    known,
    learnt: computed(() => learntFrom(known.value?.clip.sha256)),
    scoring,
    limit,
    ownLimit: computed(() => (limit.value?.from === 'prompts' ? undefined : limit.value)),
    activity,
    pace,
    tiles,
    setPace(operations, milliseconds) {
      if (!(operations > 0 && milliseconds > 0)) return;
      pace.value = operations / milliseconds;
      void keep('settings', 'pace', pace.peek());
    },
    device,
    warnings,
    locked: signal(false),
    ready,
    run: (title, job, quiet) => enqueue(title, async (tools) => job(await opened(tools), tools), quiet),
    use: (next) =>
      enqueue('Opening the model', async (tools) => {
        await change(next, tools);
        choice.value = next;
        await remember(info.peek());
      }),
    adopt(next, about, limit) {
      close();
      before.value = about;
      choice.value = next;
      void remember(about);
      const at = scoring.peek();
      if (at !== undefined && limit && limit.from !== 'prompts') rememberLimit(at, limit);
    },
    setLimit(next) {
      const at = scoring.peek();
      if (at !== undefined) rememberLimit(at, next);
    },
    cancel() {
      abort.abort();
      abort = new AbortController();
    },
  };
}

const sameSource = (a: unknown, b: unknown): boolean =>
  a === b || ((typeof a === 'string' || a instanceof URL) && String(a) === String(b));

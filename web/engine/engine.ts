// The detector behind the page: opened when it is first needed, one job at a time, each with progress and cancel.
import { computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals-core';
import {
  Detector,
  type DetectorInfo,
  type DeviceEvent,
  type Progress,
  type Warning,
} from '../../src/detector/index.ts';
import { keep, kept } from '../core/keep.ts';
import { type Activity, createClock } from './activity.ts';
import { type Learnt, learntFrom, type ModelChoice, shippedChoice, storable } from './choice.ts';
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
  /** From which score photographs fail; absent: nobody said. */
  readonly limit: ReadonlySignal<Limit | undefined>;
  readonly activity: ReadonlySignal<Activity | undefined>;
  /** Floating-point operations per millisecond that photographs were inspected with; absent: none was yet. */
  readonly pace: ReadonlySignal<number | undefined>;
  /** The device's last change of fate; forgotten with the next job. */
  readonly device: ReadonlySignal<DeviceEvent | undefined>;
  readonly warnings: ReadonlySignal<readonly Warning[]>;
  /** Photographs are looked at in n x n tiles; 1: whole. */
  readonly tiles: Signal<number>;
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
  const tiles = signal(1);
  const device = signal<DeviceEvent | undefined>(undefined);
  const warnings = signal<readonly Warning[]>([]);
  let open: Detector | undefined;
  let abort = new AbortController();

  const ready = restore();
  let last: Promise<unknown> = ready;
  async function restore(): Promise<void> {
    const [found, limitsFound, paceFound, tilesFound] = await Promise.all([
      kept<Kept>('settings', 'model'),
      kept<Record<string, Limit>>('settings', 'limits'),
      kept<number>('settings', 'pace'),
      kept<number>('settings', 'tiles'),
    ]);
    if (limitsFound) limits.value = limitsFound;
    pace.value = paceFound;
    tiles.value = tilesFound ?? 1;
    effect(() => {
      void keep('settings', 'tiles', tiles.value);
    });
    if (!found) return;
    choice.value = found.choice;
    before.value = found.known;
  }
  const remember = () =>
    keep('settings', 'model', { choice: storable(choice.peek()), known: info.peek() } satisfies Kept);

  /** A limit belongs to scores: of this CLIP with these prompts at this size. */
  const key = computed(() => {
    const about = known.value;
    const apart = tiles.value > 1 ? ` in ${tiles.value} x ${tiles.value} tiles` : '';
    return about && `${about.clip.sha256} ${choice.value.prompts?.id} ${about.size}${apart}`;
  });
  const limit = computed((): Limit | undefined => {
    const own = key.value === undefined ? undefined : limits.value[key.value];
    // What is stored with prompts holds for whole photographs.
    const stored = tiles.value > 1 ? undefined : known.value?.prompts?.threshold;
    return own ?? (stored === undefined ? undefined : { value: stored, from: 'prompts' });
  });

  const close = () => {
    open?.close();
    open = undefined;
    before.value = info.peek() ?? before.peek();
    info.value = undefined;
    warnings.value = [];
  };
  const load = async ({ clip, prompts, size }: ModelChoice, tools: JobTools): Promise<Detector> => {
    close();
    open = await Detector.load({
      clip: clip.source,
      ...(clip.sha256 ? { sha256: clip.sha256 } : {}),
      ...(prompts ? { prompts: prompts.source } : {}),
      ...(prompts && size ? { size } : {}),
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
    void remember();
    return detector;
  };

  async function change(next: ModelChoice, tools: JobTools): Promise<void> {
    const now = choice.peek();
    const sameClip = open && sameSource(next.clip.source, now.clip.source);
    if (sameClip && next.prompts) {
      // Refused, the old ones stay.
      info.value = await open!.setPrompts(next.prompts.source, next.size ? { size: next.size } : {});
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
    limit,
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
        await remember();
      }),
    adopt(next, about, limit) {
      close();
      before.value = about;
      choice.value = next;
      void keep('settings', 'model', { choice: storable(next), known: about } satisfies Kept);
      const at = key.peek();
      if (at !== undefined && limit && limit.from !== 'prompts') {
        limits.value = { ...limits.peek(), [at]: limit };
        void keep('settings', 'limits', limits.peek());
      }
    },
    setLimit(next) {
      const at = key.peek();
      if (at === undefined) return;
      const { [at]: _, ...others } = limits.peek();
      limits.value = next ? { ...others, [at]: next } : others;
      void keep('settings', 'limits', limits.peek());
    },
    cancel() {
      abort.abort();
      abort = new AbortController();
    },
  };
}

const sameSource = (a: unknown, b: unknown): boolean =>
  a === b || ((typeof a === 'string' || a instanceof URL) && String(a) === String(b));

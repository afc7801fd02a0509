// The detector behind the page: opened when it is first needed, one job at a time, each with progress and cancel.
import { type ReadonlySignal, type Signal, signal } from '@preact/signals-core';
import {
  Detector,
  type DetectorInfo,
  type DeviceEvent,
  type Progress,
  type Warning,
} from '../../src/detector/index.ts';
import { type Activity, createClock } from './activity.ts';
import { type ModelChoice, shippedChoice } from './choice.ts';

export interface JobTools {
  readonly progress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}

export interface Engine {
  readonly choice: ReadonlySignal<ModelChoice>;
  /** Absent while no model is open. */
  readonly info: ReadonlySignal<DetectorInfo | undefined>;
  readonly activity: ReadonlySignal<Activity | undefined>;
  /** The device's last change of fate; forgotten with the next job. */
  readonly device: ReadonlySignal<DeviceEvent | undefined>;
  readonly warnings: ReadonlySignal<readonly Warning[]>;
  /** While a training run needs the model, it cannot be changed. */
  readonly locked: Signal<boolean>;
  /**
   * Opens another model, or other prompts on the same one.
   * @throws DetectorError, and the choice stays as it was
   */
  use(choice: ModelChoice): Promise<void>;
  /** Opens the model if need be and does a job with it, after the jobs before. */
  run<Result>(title: string, job: (detector: Detector, tools: JobTools) => Promise<Result>): Promise<Result>;
  /** Stops the job under way and those that wait. */
  cancel(): void;
}

export function createEngine(): Engine {
  const choice = signal(shippedChoice());
  const info = signal<DetectorInfo | undefined>(undefined);
  const activity = signal<Activity | undefined>(undefined);
  const device = signal<DeviceEvent | undefined>(undefined);
  const warnings = signal<readonly Warning[]>([]);
  let open: Detector | undefined;
  let abort = new AbortController();
  let last: Promise<unknown> = Promise.resolve();

  const close = () => {
    open?.close();
    open = undefined;
    info.value = undefined;
    warnings.value = [];
  };
  const load = async ({ clip, prompts, size }: ModelChoice, tools: JobTools): Promise<Detector> => {
    close();
    open = await Detector.load({
      clip: clip.source,
      ...(prompts ? { prompts: prompts.source } : {}),
      ...(size ? { size } : {}),
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
  const enqueue = <Result>(title: string, work: (tools: JobTools) => Promise<Result>): Promise<Result> => {
    const { signal } = abort;
    const job = last.then(async () => {
      signal.throwIfAborted();
      const remaining = createClock();
      activity.value = { title };
      device.value = undefined;
      const progress = (progress: Progress) => {
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

  return {
    choice,
    info,
    activity,
    device,
    warnings,
    locked: signal(false),
    run: (title, job) =>
      enqueue(title, async (tools) => job(open ?? (await load(choice.value, tools)), tools)),
    use: (next) =>
      enqueue('Opening the model', async (tools) => {
        const { clip, prompts, size } = choice.value;
        const sameClip = open && next.clip === clip && next.size === size;
        if (sameClip && next.prompts && next.prompts !== prompts)
          info.value = await open!.setPrompts(next.prompts.source, next.size ? { size: next.size } : {});
        else await load(next, tools);
        choice.value = next;
      }),
    cancel() {
      abort.abort();
      abort = new AbortController();
    },
  };
}

// Jobs for the detector: one after the other, so that progress and cancel have one meaning.
import { type ReadonlySignal, signal } from '@preact/signals-core';
import type { Progress } from '../../src/detector/index.ts';
import { type Activity, createClock } from './activity.ts';

export interface JobTools {
  readonly progress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}

export interface Jobs {
  readonly activity: ReadonlySignal<Activity | undefined>;
  /** Does it after the jobs before. @param quiet no progress is shown, but that of a model being opened */
  run<Result>(title: string, work: (tools: JobTools) => Promise<Result>, quiet?: boolean): Promise<Result>;
  /** Stops the job under way and those that wait. */
  cancel(): void;
}

/** What jobs have to know of the model. */
export interface ForJobs {
  /** Absent while no model is open. */
  detector(): unknown;
  forgetDevice(): void;
}

/** @param first what the first job waits for */
export function createJobs(first: Promise<unknown>, { detector, forgetDevice }: ForJobs): Jobs {
  const activity = signal<Activity | undefined>(undefined);
  let abort = new AbortController();
  let last = first;
  return {
    activity,
    run(title, work, quiet = false) {
      const { signal } = abort;
      const job = last.then(async () => {
        signal.throwIfAborted();
        const remaining = createClock();
        if (!quiet) activity.value = { title };
        forgetDevice();
        const progress = (progress: Progress) => {
          if (quiet && detector()) return;
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
    },
    cancel() {
      abort.abort();
      abort = new AbortController();
    },
  };
}

// Something of the page's own that takes a while: its progress in words, and a way out.
import { type ReadonlySignal, signal } from '@preact/signals-core';
import { askBeforeLeaving } from './leaving.ts';

export interface Task {
  readonly title: string;
  readonly done: number;
  readonly total: number;
}

export interface Tasks {
  readonly current: ReadonlySignal<Task | undefined>;
  /** One at a time. @returns false where it was cancelled, or another one is under way */
  run(
    title: string,
    work: (tools: {
      readonly signal: AbortSignal;
      readonly progress: (done: number, total: number) => void;
    }) => Promise<void>,
  ): Promise<boolean>;
  cancel(): void;
}

export function createTasks(): Tasks {
  const current = signal<Task | undefined>(undefined);
  let abort: AbortController | undefined;
  askBeforeLeaving(() => abort !== undefined);
  return {
    current,
    async run(title, work) {
      if (abort) return false;
      const own = new AbortController();
      abort = own;
      current.value = { title, done: 0, total: 0 };
      try {
        await work({
          signal: own.signal,
          progress(done, total) {
            current.value = { title, done, total };
          },
        });
        return true;
      } catch (error) {
        if (own.signal.aborted) return false;
        throw error;
      } finally {
        abort = undefined;
        current.value = undefined;
      }
    },
    cancel: () => abort?.abort(),
  };
}

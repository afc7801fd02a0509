// One step computes while the next is put together and queued; only then are its results waited for.

export interface Overlap<Result> {
  /**
   * Takes over a step that was queued.
   * @param done called with its result and the milliseconds that it took, after the step before has ended
   * @param wait for this step, not only for the one before: what comes next wants the device as this one leaves it
   */
  add(
    step: Promise<Result>,
    done: (result: Result, ms: number) => void | Promise<void>,
    wait: boolean,
  ): Promise<void>;
  /** Settles once all have ended. @throws what a step or its `done` did */
  ended(): Promise<void>;
}

export function createOverlap<Result>(): Overlap<Result> {
  let running: Promise<void> | undefined;
  let lastEnd = 0;
  return {
    async add(step, done, wait) {
      const previous = running;
      const finish = async () => {
        const began = performance.now();
        const [result] = await Promise.all([step, previous]);
        const now = performance.now();
        const ms = now - Math.max(began, lastEnd);
        lastEnd = now;
        await done(result, ms);
      };
      running = finish();
      running.catch(() => {}); // reported where it is waited for
      await previous;
      if (wait) await running;
    },
    ended: async () => running,
  };
}

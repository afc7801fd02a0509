/** Who has the device: one job at a time, in the order in which they asked. */
export interface Turns {
  /** Resolves when it is the caller's turn, to what ends the turn. */
  acquire(): Promise<() => void>;
  run<T>(job: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  let last: Promise<void> = Promise.resolve();
  const acquire = async () => {
    const before = last;
    let done = () => {};
    last = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    return done;
  };
  return {
    acquire,
    async run(job) {
      const done = await acquire();
      try {
        return await job();
      } finally {
        done();
      }
    },
  };
}

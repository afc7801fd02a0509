/** Shares a resource that has an amount, bytes of memory say, between tasks at the same time. */
export interface Budget {
  /** Runs a task once `amount` is free; what asks for more than there is runs alone. In the order of the calls. */
  run<T>(amount: number, task: () => Promise<T>): Promise<T>;
}

export function createBudget(total: number): Budget {
  let used = 0;
  const waiting: { readonly amount: number; readonly start: () => void }[] = [];
  const next = () => {
    while (waiting.length > 0 && used + waiting[0]!.amount <= total) {
      const { amount, start } = waiting.shift()!;
      used += amount;
      start();
    }
  };
  return {
    async run(wanted, task) {
      const amount = Math.min(wanted, total);
      await new Promise<void>((start) => {
        waiting.push({ amount, start });
        next();
      });
      try {
        return await task();
      } finally {
        used -= amount;
        next();
      }
    },
  };
}

// The compiled steps of a training run: one for each size of a batch, since an epoch's last is smaller.
import type { Executable } from '../graph/executor.ts';

export interface CompiledSteps {
  /** The step for batches of `images` in a phase; those of another phase are not kept. */
  of(images: number, phase: number): Promise<Executable>;
  dispose(): void;
}

/** @param compile called once for each size and phase; all steps share the state's tensors */
export function createCompiledSteps(
  compile: (images: number, phase: number) => Promise<Executable>,
): CompiledSteps {
  const steps = new Map<number, Executable>();
  let current: number | undefined;
  const dispose = () => {
    for (const executable of steps.values()) executable.dispose();
    steps.clear();
  };
  return {
    async of(images, phase) {
      if (phase !== current) dispose();
      current = phase;
      const known = steps.get(images);
      if (known) return known;
      const made = await compile(images, phase);
      steps.set(images, made);
      return made;
    },
    dispose,
  };
}

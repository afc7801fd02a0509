import type { HostData } from '../graph/device-tensor.ts';
import { TrainingError } from './errors.ts';

/** A step's losses by name, `total` among them, as numbers. @throws TrainingError if the total is not finite */
export function readLosses(found: Readonly<Record<string, HostData>>, step: number): Record<string, number> {
  const losses = Object.fromEntries(Object.entries(found).map(([name, value]) => [name, value[0]!]));
  if (!Number.isFinite(losses.total))
    throw new TrainingError({
      setting: 'loss',
      expected: 'a finite number',
      found: `${losses.total} at step ${step}`,
    });
  return losses;
}

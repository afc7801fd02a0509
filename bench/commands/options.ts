import { InvalidArgumentError } from 'commander';
import { UsageError } from '../../src/jobs/io.ts';

/** An option's whole number that is not negative. */
export function integer(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError(`expected a whole number, found ${text}`);
  return value;
}

/** Whole numbers of at least 1, in order and each once. */
export function integers(text: string): number[] {
  const values = text.split(',').map(integer);
  if (values.includes(0)) throw new InvalidArgumentError(`expected numbers of at least 1, found ${text}`);
  return [...new Set(values)].sort((a, b) => a - b);
}

/** @throws UsageError where a filter leaves nothing to measure: it would end as if all were well. */
export function requireSome(option: string, text: string, found: number, all: readonly string[]): void {
  if (found === 0)
    throw new UsageError(`${option} ${text}: nothing fits; there is ${[...new Set(all)].join(', ')}`);
}

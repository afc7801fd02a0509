import { InvalidArgumentError } from 'commander';

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

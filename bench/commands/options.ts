import { InvalidArgumentError } from 'commander';

/** An option's whole number that is not negative. */
export function integer(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError(`expected a whole number, found ${text}`);
  return value;
}

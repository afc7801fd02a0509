// Options of methods out of parsed JSON: every one of its kind, none unknown.
import type { Fail, Family, Method } from './method.ts';

export type ValueKind =
  | { readonly kind: 'texts' }
  | { readonly kind: 'text' }
  | { readonly kind: 'flag' }
  | { readonly kind: 'choice'; readonly values: readonly string[] }
  | { readonly kind: 'number'; readonly min: number; readonly max?: number }
  | { readonly kind: 'count'; readonly min: number }
  | { readonly kind: 'counts'; readonly min: number };

/** @returns `defaults` with the given values over them */
export function parseValues<O extends object>(
  kinds: Readonly<Record<keyof O, ValueKind>>,
  defaults: O,
  given: Readonly<Record<string, unknown>>,
  fail: Fail,
): O {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(kinds, name));
  if (unknown !== undefined) fail(unknown, `only ${Object.keys(kinds).join(', ')}`, 'an unknown option');
  const merged = { ...defaults, ...given } as Record<string, unknown>;
  for (const [name, kind] of Object.entries(kinds) as [string, ValueKind][])
    if (!isOf(merged[name], kind)) fail(name, describe(kind), JSON.stringify(merged[name]) ?? 'nothing');
  return merged as O;
}

/** A family whose options are all of JSON's kinds. */
export const optionsFamily = <O extends object>(
  name: string,
  kinds: Readonly<Record<keyof O, ValueKind>>,
  defaults: O,
  make: (name: string, title: string, options: O) => Method,
): Family => ({
  name,
  defaults: { ...defaults } as Readonly<Record<string, unknown>>,
  parse: (called, title, options, fail) => make(called, title, parseValues(kinds, defaults, options, fail)),
});

function isOf(value: unknown, kind: ValueKind): boolean {
  const isCount = (x: unknown, min: number) => Number.isSafeInteger(x) && (x as number) >= min;
  switch (kind.kind) {
    case 'texts':
      return Array.isArray(value) && value.length > 0 && value.every((text) => typeof text === 'string');
    case 'text':
      return typeof value === 'string' && value !== '';
    case 'flag':
      return typeof value === 'boolean';
    case 'choice':
      return typeof value === 'string' && kind.values.includes(value);
    case 'number':
      return (
        typeof value === 'number' &&
        Number.isFinite(value) &&
        value >= kind.min &&
        value <= (kind.max ?? value)
      );
    case 'count':
      return isCount(value, kind.min);
    case 'counts':
      return Array.isArray(value) && value.length > 0 && value.every((x) => isCount(x, kind.min));
  }
}

function describe(kind: ValueKind): string {
  switch (kind.kind) {
    case 'texts':
      return 'a list of texts';
    case 'text':
      return 'a text';
    case 'flag':
      return 'true or false';
    case 'choice':
      return `one of ${kind.values.join(', ')}`;
    case 'number':
      return kind.max === undefined
        ? `a number of at least ${kind.min}`
        : `a number in [${kind.min}, ${kind.max}]`;
    case 'count':
      return `an integer of at least ${kind.min}`;
    case 'counts':
      return `a list of integers of at least ${kind.min}`;
  }
}

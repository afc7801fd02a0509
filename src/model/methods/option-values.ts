// Options of methods out of parsed JSON: every one of its kind, none unknown.
import { describeKind, isOfKind, type ValueKind } from '../value-kinds.ts';
import type { Fail, Family, Method } from './method.ts';

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
    if (!isOfKind(merged[name], kind))
      fail(name, describeKind(kind), JSON.stringify(merged[name]) ?? 'nothing');
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

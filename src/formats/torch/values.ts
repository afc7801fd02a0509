// What a pickle holds, as values of ours.

/** Tuples and lists are arrays, dictionaries are maps, sets are arrays too. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PickleValue[]
  | ReadonlyMap<PickleValue, PickleValue>
  | PickleObject;

/** Anything that a resolver makes. */
export interface PickleObject {
  readonly kind: string;
}

/** A global that the caller knows. */
export interface PickleGlobal extends PickleObject {
  readonly kind: 'global';
  readonly name: string;
  /** What calling it gives; without it, a placeholder. */
  call?(args: readonly PickleValue[]): PickleValue;
  /** Takes the state (BUILD) of an object that `call` made; without it, state is dropped. */
  setState?(object: PickleValue, state: PickleValue): void;
}

/**
 * Stands for an object of a class that is not known: nothing of the class is loaded or run. What the pickle puts into
 * it stays readable, since a state dict may be a subclass of a dictionary, or a module stored whole.
 */
export interface Placeholder extends PickleObject {
  readonly kind: 'placeholder';
  /** Dotted name of its class, or of the function that would have made it. */
  readonly name: string;
  readonly items: Map<PickleValue, PickleValue>;
  readonly list: PickleValue[];
  state: PickleValue;
}

const isObject = (value: PickleValue | undefined, kind: string): boolean =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;

export const isGlobal = (value: PickleValue | undefined): value is PickleGlobal => isObject(value, 'global');
export const isPlaceholder = (value: PickleValue | undefined): value is Placeholder =>
  isObject(value, 'placeholder');

/** What calling an unknown class or function gives. */
export function placeholder(name: string, args: readonly PickleValue[]): Placeholder {
  const made: Placeholder = { kind: 'placeholder', name, items: new Map(), list: [], state: null };
  // Protocol 1's way to make an object: class, base class, and what the base class holds.
  if (!/^copy_?reg\._reconstructor$/.test(name)) return made;
  const [owner, , content] = args;
  if (content instanceof Map)
    for (const [key, value] of content as ReadonlyMap<PickleValue, PickleValue>) made.items.set(key, value);
  return isGlobal(owner) ? { ...made, name: owner.name } : made;
}

/** A dictionary, or what an object of a subclass of one holds; undefined for anything else. */
export function dictionaryOf(value: PickleValue): ReadonlyMap<PickleValue, PickleValue> | undefined {
  if (value instanceof Map) return value as ReadonlyMap<PickleValue, PickleValue>;
  return isPlaceholder(value) && value.items.size > 0 ? value.items : undefined;
}

/** Shallow: a damaged pickle may nest deeply. */
export function describe(value: PickleValue): string {
  if (typeof value === 'string') return value;
  if (value === null || typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof Map) return `a dictionary of ${value.size}`;
  if (isPlaceholder(value)) return `an object of ${value.name}`;
  return 'kind' in value ? `a ${value.kind}` : 'bytes';
}

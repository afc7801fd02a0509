// Kinds of values that options of methods have: what each looks like in words, and whether a value is one.

export type ValueKind =
  | { readonly kind: 'texts' }
  | { readonly kind: 'text' }
  | { readonly kind: 'flag' }
  | { readonly kind: 'choice'; readonly values: readonly string[] }
  | { readonly kind: 'number'; readonly min: number; readonly max?: number }
  | { readonly kind: 'count'; readonly min: number }
  | { readonly kind: 'counts'; readonly min: number }
  | { readonly kind: 'pair' };

/** What a value of this kind looks like, in words. */
export function describeKind(kind: ValueKind): string {
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
    case 'pair':
      return 'two numbers of at least 0 that add up to at most 1';
  }
}

/** Whether a value is of that kind. */
export function isOfKind(value: unknown, kind: ValueKind): boolean {
  const isNumber = (x: unknown, min: number): x is number =>
    typeof x === 'number' && Number.isFinite(x) && x >= min;
  const isCount = (x: unknown, min: number) => Number.isSafeInteger(x) && isNumber(x, min);
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
      return isNumber(value, kind.min) && value <= (kind.max ?? value);
    case 'count':
      return isCount(value, kind.min);
    case 'counts':
      return Array.isArray(value) && value.length > 0 && value.every((x) => isCount(x, kind.min));
    case 'pair':
      // Scores are in [0, 1] only if their parts' weights are; 1e-6: fractions in decimals.
      return (
        Array.isArray(value) &&
        value.length === 2 &&
        value.every((x) => isNumber(x, 0)) &&
        value[0] + value[1] <= 1 + 1e-6
      );
  }
}

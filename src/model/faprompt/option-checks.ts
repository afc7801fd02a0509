// What each option may be: for the command line, which parses texts, and for files, which are not trusted.
import type { FapromptOptions } from './options.ts';

export type OptionKind =
  | { readonly kind: 'count'; readonly min: number }
  | { readonly kind: 'number'; readonly min: number; readonly max?: number }
  | { readonly kind: 'flag' }
  | { readonly kind: 'pair' }
  | { readonly kind: 'choice'; readonly values: readonly string[] };

const count = (min: number): OptionKind => ({ kind: 'count', min });
const number: OptionKind = { kind: 'number', min: 0 };
const choice = (...values: string[]): OptionKind => ({ kind: 'choice', values });

/**
 * What cosines may be divided by. CLIP's own is 0.01 at the least; far below, every probability is 0, 1 or no number,
 * and far above all of them are 0.5.
 */
export const temperatureKind: OptionKind = { kind: 'number', min: 0.001, max: 100 };

export const optionKinds: Readonly<Record<keyof FapromptOptions, OptionKind>> = {
  normalTokens: count(1),
  abnormalTokens: count(1),
  prompts: count(1),
  patches: count(1),
  layerTokens: count(1),
  layerDepth: count(1),
  compound: { kind: 'flag' },
  aggregate: choice('mean', 'best', 'weighted'),
  priorFrom: choice('top', 'first', 'class'),
  prior: { kind: 'flag' },
  template: choice('code', 'paper'),
  temperature: temperatureKind,
  map1Weight: number,
  map2Weight: number,
  orthogonalWeight: number,
  priorWeight: number,
  priorEntries: choice('mean', 'sum'),
  priorImages: choice('sum', 'mean'),
  crossEntropy: { kind: 'flag' },
  scoreLoss: choice('logits', 'prob', 'none'),
  maxMix: { kind: 'pair' },
  imageScore: choice('mixed', 'class'),
  sigma: number,
};

/** What a value of this kind looks like, in words. */
export function describeKind(kind: OptionKind): string {
  switch (kind.kind) {
    case 'count':
      return `an integer of at least ${kind.min}`;
    case 'number':
      return kind.max === undefined
        ? `a number of at least ${kind.min}`
        : `a number in [${kind.min}, ${kind.max}]`;
    case 'flag':
      return 'true or false';
    case 'pair':
      return 'two numbers of at least 0 that add up to at most 1';
    case 'choice':
      return `one of ${kind.values.join(', ')}`;
  }
}

/** Whether a value is of that kind. */
export function isOfKind(value: unknown, kind: OptionKind): boolean {
  const isNumber = (x: unknown, min: number) => typeof x === 'number' && Number.isFinite(x) && x >= min;
  switch (kind.kind) {
    case 'count':
      return Number.isSafeInteger(value) && isNumber(value, kind.min);
    case 'number':
      return isNumber(value, kind.min) && (value as number) <= (kind.max ?? Number.MAX_VALUE);
    case 'flag':
      return typeof value === 'boolean';
    case 'pair':
      // Scores are in [0, 1] only if their parts' weights are; 1e-6: fractions in decimals.
      return (
        Array.isArray(value) &&
        value.length === 2 &&
        value.every((x) => isNumber(x, 0)) &&
        value[0] + value[1] <= 1 + 1e-6
      );
    case 'choice':
      return typeof value === 'string' && kind.values.includes(value);
  }
}

/** Options that came later than the first files, with what those files mean. */
export const laterOptions: Partial<FapromptOptions> = {
  compound: true,
  aggregate: 'mean',
  imageScore: 'mixed',
  sigma: 10,
};

/** Options that files leave out where they say what files without them mean, so that those files stay as they are. */
const unwritten = ['imageScore', 'sigma'] as const;

/** The options as files have them. */
export const writtenOptions = (options: FapromptOptions): Partial<FapromptOptions> =>
  Object.fromEntries(
    Object.entries(options).filter(
      ([name, value]) => !unwritten.some((each) => each === name && value === laterOptions[each]),
    ),
  );

/**
 * The options out of parsed JSON, every one of them there and of its kind.
 * @param fail throws; handed the option's name, what was expected and what was found
 */
export function parseOptions(
  value: unknown,
  fail: (option: string, expected: string, found: string) => never,
): FapromptOptions {
  const record = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  for (const [name, kind] of Object.entries(optionKinds)) {
    if (!isOfKind(record[name], kind))
      fail(name, describeKind(kind), JSON.stringify(record[name]) ?? 'nothing');
  }
  const unknown = Object.keys(record).find((name) => !Object.hasOwn(optionKinds, name));
  if (unknown !== undefined) fail(unknown, 'only options of FAPrompt', 'an unknown option');
  return record as unknown as FapromptOptions;
}

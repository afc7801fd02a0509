// What each option may be: for the command line, which parses texts, and for files, which are not trusted.
import { describeKind, isOfKind, type ValueKind } from '../value-kinds.ts';
import type { FapromptOptions } from './options.ts';

/** Those that the command line has an option for, each. */
export type OptionKind = Extract<ValueKind, { kind: 'count' | 'number' | 'flag' | 'pair' | 'choice' }>;

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
  knowledgeWeight: number,
  crossEntropy: { kind: 'flag' },
  scoreLoss: choice('logits', 'prob', 'none'),
  maxMix: { kind: 'pair' },
  imageScore: choice('mixed', 'class'),
  sigma: number,
};

/** Options that came later than the first files, with what those files mean. */
export const laterOptions: Partial<FapromptOptions> = {
  compound: true,
  aggregate: 'mean',
  imageScore: 'mixed',
  sigma: 10,
  knowledgeWeight: 0,
};

/** Options that files leave out where they say what files without them mean, so that those files stay as they are. */
const unwritten = ['imageScore', 'sigma', 'knowledgeWeight'] as const;

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

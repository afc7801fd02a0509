import { describeKind, isOfKind, optionKinds } from '../model/faprompt/option-checks.ts';
import { type FapromptOptions, type PresetName, presets } from '../model/faprompt/options.ts';

export type Method =
  | {
      readonly kind: 'learned';
      readonly name: string;
      readonly title: string;
      readonly options: FapromptOptions;
    }
  | { readonly kind: 'written'; readonly name: string; readonly title: string; readonly prompts: unknown };

export type Fail = (field: string, expected: string, found: string) => never;

export function parseMethod(value: unknown, fail: Fail): Method {
  if (typeof value === 'string') return parseMethod({ name: value, method: value }, fail);
  const { name, method, options = {} } = value as { name: string; method: string; options?: object };
  const preset =
    presets[(method === 'faprompt' ? 'topm' : method) as PresetName] ??
    fail('method', 'a name', JSON.stringify(method));
  for (const [key, given] of Object.entries(options)) {
    const kind =
      optionKinds[key as keyof FapromptOptions] ?? fail(`options.${key}`, 'an option', 'an unknown one');
    if (!isOfKind(given, kind)) fail(`options.${key}`, describeKind(kind), JSON.stringify(given));
  }
  return { kind: 'learned', name, title: name, options: { ...preset, ...options } };
}

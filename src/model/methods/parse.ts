// Methods out of parsed JSON.
import { describeKind, isOfKind, parseOptions, temperatureKind } from '../faprompt/option-checks.ts';
import { type PresetName, presetNames, presets } from '../faprompt/options.ts';
import type { LearnedMethod, Method, WrittenMethod } from './method.ts';
import { namedMethods } from './named.ts';
import { clipPair, type WrittenPrompts } from './written.ts';

/** Throws; handed the field (empty: the value itself), what was expected and what was found. */
export type Fail = (field: string, expected: string, found: string) => never;

/**
 * A method's name (namedMethods); `{ name, title?, method, options }`: a learned method or a preset with other options;
 * or `{ name, title?, normal, abnormal, templates?, object?, temperature? }`: prompts of one's own.
 */
export function parseMethod(value: unknown, fail: Fail): Method {
  if (typeof value === 'string')
    return namedMethods.get(value) ?? fail('', `one of ${[...namedMethods.keys()].join(', ')}`, show(value));
  if (!isRecord(value)) return fail('', "a method's name, or an object", show(value));
  const known = 'method' in value ? ['name', 'title', 'method', 'options'] : writtenFields;
  const unknown = Object.keys(value).find((field) => !known.includes(field));
  if (unknown !== undefined) return fail(unknown, `only ${known.join(', ')}`, 'an unknown field');
  const name = text(value, 'name', fail);
  const title = 'title' in value ? text(value, 'title', fail) : name;
  return 'method' in value ? parseLearned(name, title, value, fail) : parseWritten(name, title, value, fail);
}

const writtenFields = ['name', 'title', 'normal', 'abnormal', 'templates', 'object', 'temperature'];

type Fields = Readonly<Record<string, unknown>>;

function parseLearned(
  name: string,
  title: string,
  { method, options = {} }: Fields,
  fail: Fail,
): LearnedMethod {
  const base = learnedOptions(method);
  if (!base) {
    const learned = [...namedMethods.values()].filter(({ kind }) => kind === 'learned');
    const names = [...learned.map((each) => each.name), ...presetNames];
    return fail('method', `a learned method or a preset: one of ${names.join(', ')}`, show(method));
  }
  if (!isRecord(options)) return fail('options', "an object of FAPrompt's options", show(options));
  const parsed = parseOptions({ ...base, ...options }, (option, expected, found) =>
    fail(`options.${option}`, expected, found),
  );
  return { kind: 'learned', name, title, options: parsed };
}

function learnedOptions(name: unknown) {
  if (presetNames.includes(name as PresetName)) return presets[name as PresetName];
  const method = namedMethods.get(name as string);
  return method?.kind === 'learned' ? method.options : undefined;
}

function parseWritten(name: string, title: string, value: Fields, fail: Fail): WrittenMethod {
  const lines = (field: 'normal' | 'abnormal' | 'templates'): readonly string[] => {
    const found = value[field] ?? (field === 'templates' ? ['{}'] : undefined);
    const fits = Array.isArray(found) && found.length > 0 && found.every((line) => typeof line === 'string');
    return fits ? found : fail(field, 'a list of texts', show(found));
  };
  const { temperature = clipPair.temperature } = value;
  if (typeof temperature !== 'number' || !isOfKind(temperature, temperatureKind))
    return fail('temperature', describeKind(temperatureKind), show(temperature));
  const prompts: WrittenPrompts = {
    normal: lines('normal'),
    abnormal: lines('abnormal'),
    templates: lines('templates'),
    object: 'object' in value ? text(value, 'object', fail) : clipPair.object,
    temperature,
  };
  return { kind: 'written', name, title, prompts };
}

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const show = (value: unknown): string => JSON.stringify(value) ?? 'nothing';

function text(value: Fields, field: string, fail: Fail): string {
  const found = value[field];
  return typeof found === 'string' && found !== '' ? found : fail(field, 'a text', show(found));
}

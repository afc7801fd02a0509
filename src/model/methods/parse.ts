// Methods out of parsed JSON.
import { type PresetName, presetNames, presets } from '../faprompt/options.ts';
import { families } from './families.ts';
import { faprompt } from './faprompt/faprompt.ts';
import type { Fail, Method } from './method.ts';
import { namedMethods } from './named.ts';

/**
 * A method's name (namedMethods); `{ name, title?, method, options }`: a method or a preset of FAPrompt with other
 * options; or `{ name, title?, normal, abnormal, templates?, object?, temperature? }`: prompts of one's own.
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
  if ('method' in value) return parseChanged(name, title, value, fail);
  const { name: _, title: __, ...prompts } = value;
  for (const field of ['normal', 'abnormal'])
    if (!(field in value)) return fail(field, 'a list of texts', 'nothing');
  const templates = 'templates' in value ? {} : { templates: ['{}'] };
  return families.get('written')!.parse(name, title, { ...templates, ...prompts }, fail);
}

const writtenFields = ['name', 'title', 'normal', 'abnormal', 'templates', 'object', 'temperature'];

type Fields = Readonly<Record<string, unknown>>;

/** A method with other options. */
function parseChanged(name: string, title: string, { method, options = {} }: Fields, fail: Fail): Method {
  const base = presetNames.includes(method as PresetName)
    ? faprompt('', '', presets[method as PresetName])
    : namedMethods.get(method as string);
  if (!base) {
    const names = new Set([...namedMethods.keys(), ...presetNames]);
    return fail('method', `a method or a preset: one of ${[...names].join(', ')}`, show(method));
  }
  if (!isRecord(options)) return fail('options', `an object of options of ${base.family}`, show(options));
  return withOptions({ ...base, name, title }, options, (option, expected, found) =>
    fail(`options.${option}`, expected, found),
  );
}

/** The same method with some of its options changed. */
export const withOptions = ({ name, title, family, options }: Method, changes: Fields, fail: Fail): Method =>
  families.get(family)!.parse(name, title, { ...options, ...changes }, fail);

/** A method whose prompts name another object than the class of the image. */
export const withObject = (method: Method, object: string | undefined): Method =>
  object === undefined
    ? method
    : withOptions(method, { object }, (_, expected, found) => {
        throw new RangeError(`object: expected ${expected}, found ${found}`);
      });

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const show = (value: unknown): string => JSON.stringify(value) ?? 'nothing';

function text(value: Fields, field: string, fail: Fail): string {
  const found = value[field];
  return typeof found === 'string' && found !== '' ? found : fail(field, 'a text', show(found));
}

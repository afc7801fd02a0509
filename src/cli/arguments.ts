// Parsers for what is typed on the command line.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { kebab } from '../base/text.ts';
import { UsageError } from '../jobs/io.ts';
import { readOption } from '../jobs/option-file.node.ts';
import { type OptionKind, optionKinds } from '../model/faprompt/option-checks.ts';
import { type FapromptOptions, type PresetName, presetNames, presets } from '../model/faprompt/options.ts';
import { faprompt, fapromptFamilyName } from '../model/methods/faprompt/faprompt.ts';
import type { Fail, Method } from '../model/methods/method.ts';
import { namedMethods } from '../model/methods/named.ts';
import { withOptions } from '../model/methods/parse.ts';
import { describeKind, isOfKind } from '../model/value-kinds.ts';

/** An integer of at least `min`, and of at most `max`. */
export const integer =
  (min: number, max?: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < min || value > (max ?? value))
      throw new InvalidArgumentError(
        `Expected an integer of ${max === undefined ? `at least ${min}` : `${min} to ${max}`}.`,
      );
    return value;
  };

/** A number above zero. */
export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

/** A number of at least zero. */
export function notNegative(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= 0 && Number.isFinite(value)))
    throw new InvalidArgumentError('Expected a number of at least 0.');
  return value;
}

/** A number from 0 to 1. */
export function unitInterval(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError('Expected a number from 0 to 1.');
  return value;
}

/** A list separated by commas. */
export const list = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

const describe: Record<keyof FapromptOptions, string> = {
  normalTokens: 'E: learnable tokens that all prompts share',
  abnormalTokens: "E': own learnable tokens of each abnormality prompt",
  prompts: 'K: abnormality prompts',
  patches: 'M: patches that the abnormality prior is made from',
  layerTokens: 'learnable tokens per text block',
  layerDepth: 'text blocks 1 .. N-1 have learnable tokens',
  compound: "with the normal prompt's tokens before each abnormality prompt's own (CAP)",
  aggregate:
    'what stands for the K abnormality prompts: their mean, the best match of each patch, a mean weighted per image',
  priorFrom: 'what the prior is made from: the M most abnormal patches, patches 0..M-1, the class token',
  prior: 'with the data-dependent abnormality prior (DAP)',
  template: 'templates with "damaged" and a final "." (code) or without (paper)',
  temperature: 'temperature of the cosine similarities',
  map1Weight: "weight of the prior-free map's losses",
  map2Weight: "weight of the prior-enabled map's losses",
  orthogonalWeight: 'weight of the orthogonal loss',
  priorWeight: 'weight of the prior loss',
  priorEntries: 'reduction of the prior loss over entries',
  priorImages: 'reduction of the prior loss over normal images',
  knowledgeWeight: "weight of KgCoOp's loss: the prompts' distance to a flawless and a damaged object",
  crossEntropy: 'with the cross entropy of the image probability',
  scoreLoss: 'what the focal loss takes the image score for; none: no such loss',
  maxMix: "weights of both maps' largest patch scores in the image score, as 2/3,1/3",
  imageScore: 'the image score: mixed with the largest patch scores, or the class probability alone',
  sigma: "sigma of the map's smoothing in pixels, at 518",
};

const placeholder: Record<OptionKind['kind'], string> = {
  count: 'N',
  number: 'X',
  flag: '',
  pair: 'A,B',
  choice: 'WORD',
};

/** A number, or a fraction as 2/3. */
function fraction(text: string): number {
  const [above, below = 1, ...rest] = text
    .split('/')
    .map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  return rest.length > 0 ? Number.NaN : above! / below;
}

function parseKind(text: string, kind: OptionKind): unknown {
  const value =
    kind.kind === 'choice' ? text : kind.kind === 'pair' ? text.split(',').map(fraction) : fraction(text);
  if (!isOfKind(value, kind)) throw new InvalidArgumentError(`Expected ${describeKind(kind)}.`);
  return value;
}

/** Adds --preset and one option for every entry of FapromptOptions. */
export function addFapromptOptions(command: Command): void {
  command.addOption(
    new Option('--preset <name>', 'where the paper and its published code differ')
      .choices(presetNames)
      .default('topm'),
  );
  command.optionsGroup('FAPrompt options (default: as the preset has them):');
  for (const [name, kind] of Object.entries(optionKinds) as [keyof FapromptOptions, OptionKind][]) {
    const flag = `--${kebab(name)}`;
    if (kind.kind === 'flag') {
      command.addOption(new Option(flag, describe[name]));
      command.addOption(new Option(`--no-${kebab(name)}`, describe[name].replace('with', 'without')));
      continue;
    }
    const option = new Option(`${flag} <${placeholder[kind.kind]}>`, describe[name]);
    if (kind.kind === 'choice') option.choices([...kind.values]);
    else option.argParser((text) => parseKind(text, kind));
    command.addOption(option);
  }
  command.optionsGroup('Options:');
}

/** Methods that learn. */
const learned = [...namedMethods.values()].filter(({ learning }) => learning);

/** Adds --method and --method-options. */
export const addMethodOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--method <name>', 'what is trained (docs/METHODS.md)')
        .choices(learned.map(({ name }) => name))
        .default('faprompt'),
    )
    .option('--method-options <json>', 'other options of the method, as JSON: \'{"context": 12}\'')
    .option('--descriptions <file>', 'FiLO: what defects of each class look like, as JSON (docs/FILO.md)');

/**
 * The method that was asked for: --method with --method-options, or FAPrompt's with --preset and single options.
 * @param explicit whether an option was given, and is not the default
 * @throws UsageError
 */
export async function chosenMethod(
  given: Readonly<Record<string, unknown>>,
  explicit: (option: string) => boolean,
): Promise<Method> {
  const base = learned.find(({ name }) => name === given.method)!;
  const fail = (option: string, expected: string, found: string): never => {
    const fromFile = given.descriptions !== undefined && option.startsWith('descriptions');
    const place = fromFile ? `--descriptions: ${given.descriptions}` : '--method-options';
    const field = fromFile ? option.replace(/^descriptions\.?/, '') : option;
    throw new UsageError(`${place}: ${field ? `${field}: ` : ''}expected ${expected}, found ${found}`);
  };
  const own = Object.keys(optionKinds).filter((name) => given[name] !== undefined);
  const preset = explicit('preset') ? [...own, 'preset'] : own;
  if (base.family !== fapromptFamilyName && preset.length > 0)
    throw new UsageError(
      `--${kebab(preset[0]!)}: only with FAPrompt and its kin, found --method ${base.name}`,
    );
  if (explicit('preset') && explicit('method'))
    throw new UsageError('--preset and --method: expected one of them');
  const changes = {
    ...(await descriptionsOf(given.descriptions as string | undefined, base)),
    ...parseJson(given.methodOptions as string | undefined, fail),
    ...Object.fromEntries(own.map((name) => [name, given[name]])),
  };
  const method =
    base.family === fapromptFamilyName && explicit('preset')
      ? faprompt('faprompt', 'FAPrompt', presets[given.preset as PresetName])
      : base;
  return Object.keys(changes).length === 0 ? method : withOptions(method, changes, fail);
}

/** FiLO's descriptions from a file. @throws UsageError */
async function descriptionsOf(file: string | undefined, method: Method): Promise<Record<string, unknown>> {
  if (file === undefined) return {};
  if (!('descriptions' in method.options))
    throw new UsageError(`--descriptions: only with --method filo, found --method ${method.name}`);
  const text = await readOption('--descriptions', file);
  try {
    return { descriptions: JSON.parse(text) as unknown };
  } catch (error) {
    throw new UsageError(`--descriptions: ${file}: expected JSON, found ${(error as Error).message}`);
  }
}

function parseJson(text: string | undefined, fail: Fail): Record<string, unknown> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {}
  return fail('', 'a JSON object', text);
}

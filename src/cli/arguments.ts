// Parsers for what is typed on the command line.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { describeKind, isOfKind, type OptionKind, optionKinds } from '../model/faprompt/option-checks.ts';
import { type FapromptOptions, type PresetName, presetNames, presets } from '../model/faprompt/options.ts';

/** An integer of at least `min`. */
export const integer =
  (min: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < min)
      throw new InvalidArgumentError(`Expected an integer of at least ${min}.`);
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
  crossEntropy: 'with the cross entropy of the image probability',
  scoreLoss: 'what the focal loss takes the image score for',
  maxMix: "weights of both maps' largest patch scores in the image score, as 2/3,1/3",
};

/** imageSize -> image-size */
export const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
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

/** The preset with the options that were given. */
export function fapromptOptions(given: Readonly<Record<string, unknown>>): FapromptOptions {
  const preset = presets[given.preset as PresetName];
  const own = Object.keys(optionKinds).filter((name) => given[name] !== undefined);
  return { ...preset, ...Object.fromEntries(own.map((name) => [name, given[name]])) };
}

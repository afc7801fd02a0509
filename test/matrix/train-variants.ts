// Every way to call `train`, read out of its own definition: for each option the values that are tried.
import type { Command, Option } from 'commander';
import { kebab } from '../../src/base/text.ts';
import { type OptionKind, optionKinds } from '../../src/model/faprompt/option-checks.ts';

export interface Variant {
  /** As it is typed, without what every call has. */
  readonly argv: readonly string[];
  /** Ends in prompts. */
  readonly trains: boolean;
  /** The entry of FapromptOptions that it sets, and to what. */
  readonly option?: readonly [string, unknown];
  /** Images that it says are encoded together. */
  readonly together?: number;
}

const train = (...argv: string[]): Variant => ({ argv, trains: true });
const plan = (...argv: string[]): Variant => ({ argv: ['--dry-run', ...argv], trains: false });

/** What every call has: with it an option is tried already. */
const always = ['--data', '--clip', '--out', '--batch'];

/** Values of the options that are not FAPrompt's own and have no list of choices. */
const rows: Readonly<Record<string, readonly Variant[]>> = {
  '--batch': [train('--batch', '1'), train('--batch', '5')],
  '--epochs': [train('--epochs', '2')],
  '--image-size': [train('--image-size', '48')],
  '--dual-layers': [train('--dual-layers', '0'), train('--dual-layers', '2')],
  '--seed': [train('--seed', '5')],
  '--lr': [train('--lr', '0.01')],
  '--save-every': [train('--save-every', '1')],
  '--json': [train('--json')],
  '--yes': [train('--yes')],
  '--cache': [train('--cache', '{dir}/other-cache')],
  '--no-cache': [train('--no-cache')],
  // With a batch that is no adapter's own choice, and nothing in a cache.
  '--image-batch': [plan, train].map((how) => ({
    ...how('--no-cache', '--image-batch', '3'),
    together: 3,
  })),
  '--cache-precision': [train('--cache-precision', 'f32'), train('--cache-precision', 'f16')],
  '--gpu-cache': [train('--gpu-cache', '0'), train('--gpu-cache', '1')],
  '--resume': [train('--epochs', '2', '--resume')],
  '--dry-run': [plan()],
  '--nodes': [plan('--nodes')],
  '--method-options': [train('--method-options', '{"prompts": 3}')],
};

/** Options and choices with a test of their own, which the matrix cannot run on its CLIP. */
export const elsewhere: Readonly<Record<string, string>> = {
  '--vocabulary': 'test/matrix-commands.test.ts',
  '--descriptions': 'test/filo-cli.test.ts',
  '--boxes': 'test/filo-cli.test.ts',
  '--method filo': 'test/filo-cli.test.ts',
  '--method blip': 'test/blip-cli.test.ts',
};

/** Values that differ from every preset's, or are at the edge of what is allowed; small, as the CLIP is. */
function values(name: string, kind: OptionKind): readonly unknown[] {
  switch (kind.kind) {
    case 'flag':
      return [true, false];
    case 'choice':
      return kind.values;
    case 'pair':
      return [
        [0.5, 0.5],
        [1, 0],
        [0, 0],
      ];
    case 'count':
      return [1, 3];
    case 'number':
      if (name === 'temperature') return [0.01, 1];
      return kind.min > 0 ? [kind.min, 2] : [0, 2];
  }
}

function typed(name: string, value: unknown): string[] {
  const flag = `--${kebab(name)}`;
  if (typeof value === 'boolean') return [value ? flag : `--no-${kebab(name)}`];
  return [flag, Array.isArray(value) ? value.join(',') : String(value)];
}

/** The variants of one option; undefined: nobody has said how it is tried. */
function variantsOf(option: Option): readonly Variant[] | undefined {
  const flag = option.long!;
  const name = option.attributeName();
  const kind = (optionKinds as Readonly<Record<string, OptionKind>>)[name];
  if (kind) {
    if (option.negate) return []; // its other half has both
    return values(name, kind).map((value) => ({ ...train(...typed(name, value)), option: [name, value] }));
  }
  if (flag === '--clip-config')
    return option.argChoices?.map((choice) =>
      plan(flag, choice, ...(choice.startsWith('BLIP') ? ['--method', 'blip'] : [])),
    );
  if (option.argChoices)
    return option.argChoices
      .filter((choice) => !(`${flag} ${choice}` in elsewhere))
      .map((choice) => train(flag, choice));
  if (rows[flag]) return rows[flag];
  return flag in elsewhere || always.includes(flag) ? [] : undefined;
}

/** All variants, option by option, and the options that nobody has said how to try. */
export function trainVariants(command: Command): { variants: Variant[]; missing: string[] } {
  const found = command.options.map((option) => ({ option, variants: variantsOf(option) }));
  return {
    variants: found.flatMap(({ variants }) => variants ?? []),
    missing: found.flatMap(({ option, variants }) => (variants ? [] : [option.long!])),
  };
}

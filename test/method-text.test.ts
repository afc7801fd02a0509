// docs/METHOD.md says what the presets are: its table is held against them.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { optionKinds } from '../src/model/faprompt/option-checks.ts';
import { presetNames, presets } from '../src/model/faprompt/options.ts';

const shown = (value: unknown): string =>
  Array.isArray(value) ? value.map((x: number) => Number(x.toFixed(4))).join(', ') : String(value);

test('the table of presets in docs/METHOD.md has every option, with its value in every preset', async () => {
  const text = await readFile(path.resolve(import.meta.dirname, '../docs/METHOD.md'), 'utf8');
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const table = [
    row(['option', ...presetNames.map((name) => `\`${name}\``)]),
    row(['---', ...presetNames.map(() => '---')]),
    ...Object.keys(optionKinds).map((name) =>
      row([`\`${name}\``, ...presetNames.map((preset) => shown({ ...presets[preset] }[name as never]))]),
    ),
  ].join('\n');
  expect(text).toContain(table);
});

// Tables as text for a terminal, as Markdown, and as CSV for programs.
import { visible } from '../base/text.ts';
import { alignColumns } from '../eval/index.ts';
import type { Cell, Table } from './tables.ts';

export const tableFormats = ['text', 'markdown', 'csv'] as const;
export type TableFormat = (typeof tableFormats)[number];

const percent = (fraction: number): string => (100 * fraction).toFixed(1);

const show = ({ values, far, text }: Cell): string =>
  text ??
  values
    .map((value, i) => {
      const mark = far?.[i] ? '*' : '';
      if (value === null) return '-';
      const { mean, deviation } = value;
      return `${percent(mean)}${deviation === null ? '' : ` ± ${percent(deviation)}`}${mark}`;
    })
    .join(', ');

const cells = ({ columns, rows }: Table): string[][] => [
  [...columns],
  ...rows.map(({ name, cells: own }) => [name, ...own.map(show)]),
];

const asText = (table: Table): string =>
  [
    visible(`${table.title} (CLIP: ${table.clip})`),
    alignColumns(cells(table)),
    ...table.notes.map(visible),
  ].join('\n');

/** As text: no table cell, link, image or HTML of its own. */
const markdown = (text: string): string => visible(text).replace(/[\\`*<>[\]|&]/g, '\\$&');

function asMarkdown(table: Table): string {
  const line = (parts: readonly string[]) => `| ${parts.join(' | ')} |`;
  const [head, ...rows] = cells(table).map((row) => row.map(markdown));
  const rule = head!.map((_, i) => (i === 0 ? '---' : '---:'));
  const notes = table.notes.flatMap((note) => ['', markdown(note)]);
  return [
    `### ${markdown(`${table.title} (CLIP: ${table.clip})`)}`,
    '',
    line(head!),
    line(rule),
    ...rows.map(line),
    ...notes,
  ].join('\n');
}

/** Programs for spreadsheets take a cell that begins like this for a formula: a leading ' makes it a text. */
const formula = /^[=+\-@\t\r]/;
const isNumber = (value: string): boolean => value.trim() !== '' && Number.isFinite(Number(value));

function csvCell(value: string): string {
  const shown = visible(formula.test(value) && !isNumber(value) ? `'${value}` : value);
  return /[",]/.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown;
}

/** One line for every figure, as fractions. */
function asCsv(tables: readonly Table[]): string {
  const lines = tables.flatMap(({ clip, title, columns, rows }) =>
    rows.flatMap(({ name, group, cells: own }) =>
      own.flatMap(({ metrics, values, from }, i) =>
        metrics.map((metric, m) => {
          const value = values[m];
          const figures = [value?.mean, value?.deviation, value?.seeds].map((x) =>
            x == null ? '' : String(x),
          );
          return [clip, title, name, group ?? '', columns[i + 1]!, from, metric, ...figures];
        }),
      ),
    ),
  );
  const head = ['clip', 'table', 'row', 'group', 'column', 'from', 'metric', 'mean', 'deviation', 'seeds'];
  return [head, ...lines].map((line) => line.map(csvCell).join(',')).join('\n');
}

export function formatTables(tables: readonly Table[], format: TableFormat): string {
  if (format === 'csv') return asCsv(tables);
  return tables.map(format === 'text' ? asText : asMarkdown).join('\n\n');
}

// All results as one table.
import { stringify } from 'csv-stringify/browser/esm/sync';

const columns = [
  'image',
  'verdict',
  'score',
  'limit',
  'width',
  'height',
  'problem',
  'clip',
  'sha256',
  'prompts',
  'size',
  'tiles',
] as const;

export type Row = Readonly<Partial<Record<(typeof columns)[number], string | number | undefined>>>;

export function writeTable(rows: readonly Row[]): Blob {
  // Names of files that begin with "=" are formulas to a spreadsheet.
  const text = stringify([...rows], {
    header: true,
    columns: [...columns],
    escape_formulas: true,
    bom: true,
  });
  return new Blob([text], { type: 'text/csv' });
}

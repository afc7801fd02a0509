import { parse } from 'csv-parse/sync';
import { contentBytes, describeContent } from '../../base/content.ts';
import { DatasetError } from '../errors.ts';

/**
 * Records of a label file, fields trimmed, empty lines left out (RFC 4180; `delimiter` default comma).
 * Throws {@link DatasetError} with the file, and the line where it is known.
 */
export function parseRecords(text: string, file: string, delimiter = ','): string[][] {
  try {
    return parse(text, {
      bom: true,
      delimiter,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    });
  } catch (error) {
    const { lines } = error as { lines?: number };
    const field = lines === undefined ? null : `line ${lines}`;
    throw new DatasetError({
      file,
      field,
      expected: 'comma-separated values',
      found: error instanceof Error ? error.message : String(error),
    });
  }
}

/** Refuses what stands in a line of a label file, in a column where it has names. */
export const refuseIn =
  (file: string, line: string) =>
  (expected: string, found: string, column?: string): never => {
    const field = column === undefined ? line : `${line}, ${column}`;
    throw new DatasetError({ file, field, expected, found: JSON.stringify(found) });
  };

/** Rows of a label file with a header, by column name (letter case does not matter). Throws {@link DatasetError} if a column is missing. */
export function parseTable<Column extends string>(
  text: string,
  file: string,
  columns: readonly Column[],
): Record<Column, string>[] {
  const [header = [], ...records] = parseRecords(text, file, delimiterOf(text));
  const names = header.map((name) => name.toLowerCase());
  for (const column of columns) {
    if (!names.includes(column)) {
      // One column only: perhaps it is no table at all.
      const start = new TextEncoder().encode(text.slice(0, contentBytes));
      const found = header.length > 1 ? header.join(',') : describeContent(start);
      throw new DatasetError({ file, field: 'header', expected: `a column ${column}`, found });
    }
  }
  return records.map(
    (record) =>
      Object.fromEntries(names.map((column, i) => [column, record[i] ?? ''])) as Record<Column, string>,
  );
}

/** What separates the columns of a table's header: a comma; a semicolon or a tab where spreadsheets are set to them. */
function delimiterOf(text: string): string {
  const header = text.split(/\r?\n/, 1)[0]!;
  const counts = [',', ';', '\t'].map((delimiter) => header.split(delimiter).length);
  return [',', ';', '\t'][counts.indexOf(Math.max(...counts))]!;
}

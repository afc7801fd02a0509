import { parse } from 'csv-parse/sync';
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
    throw new DatasetError(
      file,
      field,
      'comma-separated values',
      error instanceof Error ? error.message : String(error),
    );
  }
}

/** Rows of a label file with a header, by column name. Throws {@link DatasetError} if a column is missing. */
export function parseTable<Column extends string>(
  text: string,
  file: string,
  columns: readonly Column[],
): Record<Column, string>[] {
  const [header = [], ...records] = parseRecords(text, file);
  for (const column of columns) {
    if (!header.includes(column)) {
      throw new DatasetError(file, 'header', `a column ${column}`, header.join(',') || 'an empty file');
    }
  }
  return records.map(
    (record) =>
      Object.fromEntries(header.map((column, i) => [column, record[i] ?? ''])) as Record<Column, string>,
  );
}

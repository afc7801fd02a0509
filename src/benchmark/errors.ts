import { visible } from '../base/text.ts';

/** A benchmark's configuration, or a result on disk, that is not as it should be: which file and field. */
export class BenchmarkError extends Error {
  override readonly name = 'BenchmarkError';
  constructor(
    readonly file: string,
    /** As in `test[2].data`; empty: the file as a whole. */
    readonly field: string,
    readonly expected: string,
    readonly found: string,
  ) {
    super(visible(`${file}${field ? `, field ${field}` : ''}: expected ${expected}, found ${found}`));
  }
}

import { visible } from '../base/text.ts';

interface Finding {
  readonly file: string;
  /** Where in it, with what separates it from the file's name. */
  readonly where?: string;
  readonly expected: string;
  readonly found: string;
}

/**
 * Every failure over input data says which file, what was expected there and what was found, as fields for
 * programs and in the message for people.
 */
abstract class DataError extends Error {
  /** Further lines for people: what was found, what comes closest. */
  readonly details: readonly string[];
  readonly file: string;
  readonly expected: string;
  readonly found: string;
  constructor({ file, where = '', expected, found }: Finding, options?: DataErrorOptions) {
    super(visible(`${file}${where}: expected ${expected}, found ${found}`), options);
    this.file = file;
    this.expected = expected;
    this.found = found;
    this.details = options?.details ?? [];
  }
}

export interface DataErrorOptions extends ErrorOptions {
  readonly details?: readonly string[];
}

/** An image that cannot be decoded, or should not be (too large, an unsupported kind of sample). */
export class ImageError extends DataError {
  override readonly name = 'ImageError';
  constructor(file: string, expected: string, found: string, options?: ErrorOptions) {
    super({ file, expected, found }, options);
  }
}

/** A ground-truth mask that can be decoded but does not fit its image. */
export class MaskError extends DataError {
  override readonly name = 'MaskError';
  constructor(file: string, expected: string, found: string) {
    super({ file, expected, found });
  }
}

/** A data set that is not in a known layout or whose meta.json is wrong; `field` as in `test.bottle[3].img_path`. */
export class DatasetError extends DataError {
  override readonly name = 'DatasetError';
  readonly field: string | null;
  constructor(
    { field, ...finding }: Omit<Finding, 'where'> & { readonly field: string | null },
    options?: DataErrorOptions,
  ) {
    super({ ...finding, where: field === null ? '' : `, field ${field}` }, options);
    this.field = field;
  }
}

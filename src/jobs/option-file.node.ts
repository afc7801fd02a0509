// Files that an option names and that are read as a whole: descriptions, boxes, vocabularies.
import { decodeText } from '../base/decode-text.ts';
import { readRegular } from '../base/open.node.ts';
import { UsageError } from './io.ts';

/** Boxes of a hundred thousand images are about 20 MiB. */
const largest = 256 * 2 ** 20;

/** @throws UsageError naming the option and the file */
export const readOptionBytes = (option: string, file: string, limit = largest) =>
  readRegular(file, limit).catch((error: Error): never => {
    throw new UsageError(`${option}: ${file}: expected a readable file, found ${error.message}`);
  });

/** The same as text, in whatever encoding it is. */
export const readOption = async (option: string, file: string): Promise<string> =>
  decodeText(await readOptionBytes(option, file));

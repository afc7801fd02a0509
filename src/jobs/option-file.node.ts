// Files that an option names and that are read as a whole: descriptions, boxes.
import { readText } from '../base/open.node.ts';
import { UsageError } from './io.ts';

/** Boxes of a hundred thousand images are about 20 MiB. */
const largest = 256 * 2 ** 20;

/** @throws UsageError naming the option and the file */
export const readOption = (option: string, file: string): Promise<string> =>
  readText(file, largest).catch((error: Error) => {
    throw new UsageError(`${option}: ${file}: expected a readable file, found ${error.message}`);
  });

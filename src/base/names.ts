/** File names as different systems write them. */

/** What systems and tools put beside a user's files, lower case. */
const systemNames: ReadonlySet<string> = new Set([
  '__macosx',
  'thumbs.db',
  'ehthumbs.db',
  'desktop.ini',
  '$recycle.bin',
  'system volume information',
  'lost+found',
  '@eadir',
  '#recycle',
  'icon\r',
]);

/** Whether a file or folder of this name is hidden or a system's own, and no input of anybody's. */
export const isSystemName = (name: string): boolean =>
  name.startsWith('.') || systemNames.has(name.toLowerCase());

/** The same for any part of a path with `/`. */
export const isSystemPath = (path: string): boolean =>
  path.split('/').some((part) => part !== '' && part !== '.' && part !== '..' && isSystemName(part));

/**
 * What two names share that mean the same file: macOS stores `é` as two code points, Windows and most tools as one;
 * letter case does not tell files apart there.
 */
export const nameKey = (name: string): string => name.normalize('NFC').toLowerCase();

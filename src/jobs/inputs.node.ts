// Image files as they are named on the command line, and images that arrive in a folder.
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { realPlace } from '../base/files.node.ts';
import { isSystemName, nameKey } from '../base/names.ts';
import { walkFolder } from '../base/walk.node.ts';
import { countByExtension, imageExtensions, isImageFile, isOtherPicture } from '../data/image.ts';
import { UsageError } from './io.ts';
import { isOwnPicture } from './pictures.node.ts';

export interface Target {
  readonly file: string;
  /** Under which name (without ending) its results go. */
  readonly name: string;
}

export interface ListedImages {
  /** Folders keep their inner structure. */
  readonly targets: readonly Target[];
  /** What was left out by rule, for people. */
  readonly notes: readonly string[];
  /** Folders and links below the inputs that cannot be read: the images in them are missing. */
  readonly unreadable: readonly { readonly file: string; readonly reason: string }[];
}

export const unreadableProblem = (file: string, reason: string): string =>
  `${file}: expected a file or a folder that can be read, found ${reason}`;

/** A picture that may be a result: these are looked into. */
const looksLikeResult = (file: string): boolean => /\.(heatmap|map)\.png$/i.test(file);

/** undefined: nothing. */
const kindOf = (file: string): Promise<'folder' | 'file' | 'other' | undefined> =>
  stat(file).then(
    (found) => (found.isDirectory() ? 'folder' : found.isFile() ? 'file' : 'other'),
    () => undefined,
  );

/**
 * The image files that the inputs, files or folders, name. Of folders hidden files, results of this program and other
 * formats are left out.
 * @param out the folder of results; what lies in it is no input
 * @throws UsageError for a folder without images, and for one that is the folder of results
 */
export async function listImages(inputs: readonly string[], out?: string): Promise<ListedImages> {
  const results = out === undefined ? undefined : await realPlace(out);
  const files: Target[] = [];
  const notes: string[] = [];
  const unreadable: { file: string; reason: string }[] = [];
  const ownInputs: string[] = [];
  for (const input of inputs) {
    const kind = await kindOf(input);
    if (kind === 'folder') {
      if ((await realPlace(input)) === results)
        throw new UsageError(`--out: expected another folder than the images' own, found ${out}`);
      const listed = await listFolder(input, results);
      files.push(...listed.targets);
      notes.push(...listed.notes);
      unreadable.push(...listed.unreadable);
    }
    // A shell's `*` names what an earlier run left, too.
    else if (kind === 'file' && looksLikeResult(input) && (await isOwnPicture(input))) ownInputs.push(input);
    else files.push({ file: input, name: path.parse(input).name });
  }
  if (ownInputs.length > 0) {
    const some = `${ownInputs.length} results of this program, e.g. ${ownInputs[0]}`;
    if (files.length === 0) throw new UsageError(`expected images, found only ${some}`);
    notes.push(`left out: ${some}`);
  }
  return { targets: withDistinctNames(files), notes, unreadable };
}

/** The images below a folder. @param results the folder of results, wherever it is */
async function listFolder(input: string, results: string | undefined): Promise<ListedImages> {
  const walked = await walkFolder(input).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `${input}: expected a folder that can be read, found ${error.code ?? error.message}`,
    );
  });
  if (!walked.whole) throw new UsageError(`${input}: expected at most a million files, found more`);
  const within =
    results &&
    path
      .relative(await realPlace(input), results)
      .split(path.sep)
      .join('/');
  const found =
    within === undefined ? walked.files : walked.files.filter((file) => !file.startsWith(`${within}/`));
  const images: string[] = [];
  const own: string[] = [];
  for (const file of found.filter(isImageFile))
    if (looksLikeResult(file) && (await isOwnPicture(path.join(input, file)))) own.push(file);
    else images.push(file);
  const notes: string[] = [];
  const others = found.filter(isOtherPicture);
  const otherFormats = `${countByExtension(others)} of formats that are not read`;
  if (others.length > 0) notes.push(`${input}: left out: ${otherFormats}, e.g. ${others[0]}`);
  if (own.length > 0) notes.push(`${input}: left out: ${own.length} results of this program, e.g. ${own[0]}`);
  if (images.length === 0)
    throw new UsageError(
      `${input}: expected images (${imageExtensions.join(' ')}), found none${others.length > 0 ? `, but ${otherFormats}` : ''}`,
    );
  return {
    targets: images.map((image) => ({
      file: path.join(input, image),
      name: path.join(path.dirname(image), path.parse(image).name),
    })),
    notes,
    unreadable: walked.unreadable.map(({ path: place, reason }) => ({
      file: path.join(input, place),
      reason,
    })),
  };
}

/** Of several images with one name the later ones are numbered: each has results of its own. */
function withDistinctNames(files: readonly Target[]): Target[] {
  const used = new Set<string>();
  return files.map(({ file, name }) => {
    let unique = name;
    for (let i = 2; used.has(nameKey(unique)); i += 1) unique = `${name}-${i}`;
    used.add(nameKey(unique));
    return { file, name: unique };
  });
}

export interface Watching {
  /** Milliseconds between two looks. */
  readonly interval: number;
  readonly signal: AbortSignal;
  /** The folder cannot be read any more (once, with the reason), or can be again (undefined). */
  readonly onTrouble?: (reason: string | undefined) => void;
}

/**
 * Images that arrive in a folder from now on (once the promise is kept), in batches, sorted by name. A file is complete
 * when its size and time did not change between two looks: this also holds on network drives, which report no changes.
 * Results of this program are left out. A folder that disappears is waited for. Ends when the signal aborts.
 * @throws UsageError for a folder that cannot be read at the beginning
 */
export async function watchImages(
  dir: string,
  { interval, signal, onTrouble = () => {} }: Watching,
): Promise<AsyncGenerator<Target[], void>> {
  const look = async (): Promise<Map<string, string>> => {
    const states = new Map<string, string>();
    for (const name of (await readdir(dir)).sort()) {
      if (!isImageFile(name) || isSystemName(name)) continue;
      const found = await stat(path.join(dir, name)).catch(() => null);
      if (found?.isFile()) states.set(name, `${found.size} ${found.mtimeMs}`);
    }
    return states;
  };
  const first = await look().catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--watch: expected a folder that can be read, found ${error.code ?? error.message}`);
  });
  return arrivals(dir, { interval, signal, onTrouble }, first, look);
}

async function* arrivals(
  dir: string,
  { interval, signal, onTrouble }: Required<Watching>,
  first: ReadonlyMap<string, string>,
  look: () => Promise<Map<string, string>>,
): AsyncGenerator<Target[], void> {
  let before = first;
  let trouble = false;
  // What was there or is done, in the state in which it was: a file that is written anew is a new image.
  const done = new Map(first);
  while (!signal.aborted) {
    await setTimeout(interval, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    let now: Map<string, string>;
    try {
      now = await look();
    } catch (error) {
      if (!trouble) onTrouble((error as NodeJS.ErrnoException).code ?? String(error));
      trouble = true;
      continue;
    }
    if (trouble) onTrouble(undefined);
    trouble = false;
    const complete = [...now].filter(
      ([name, state]) => before.get(name) === state && done.get(name) !== state,
    );
    for (const [name, state] of complete) done.set(name, state);
    for (const name of done.keys()) if (!now.has(name)) done.delete(name);
    before = now;
    const batch: Target[] = [];
    for (const [name] of complete) {
      const file = path.join(dir, name);
      if (!looksLikeResult(name) || !(await isOwnPicture(file)))
        batch.push({ file, name: path.parse(name).name });
    }
    if (batch.length > 0) yield batch;
  }
}

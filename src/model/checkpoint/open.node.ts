// Opening weights by path (Node only).
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { WeightsError } from '../../formats/errors.ts';
import { type FileSource, openFile } from '../../formats/source.node.ts';
import type { ByteSource } from '../../formats/source.ts';
import type { TensorFile } from '../../formats/tensor-file.ts';
import { modelFiles } from './model-files.ts';
import type { ClipTensors } from './names.ts';
import { type Beside, readClip, readTensors } from './open.ts';

interface Opened {
  /** Files that tensors are read from. */
  readonly files: readonly string[];
  close(): Promise<void>;
}

/**
 * Opens a CLIP: a weights file in any format, an index of shards, or a folder as Hugging Face's tools download it.
 * Close it when the last tensor has been read.
 * @throws WeightsError
 */
export const openClip = (file: string): Promise<ClipTensors & Opened> => open(file, readClip);

/** Opens any file of tensors under its own names. @throws WeightsError */
export async function openTensors(file: string): Promise<{ readonly file: TensorFile } & Opened> {
  return open(file, async (source, beside) => ({ file: await readTensors(source, beside) }));
}

async function open<T>(
  given: string,
  read: (source: ByteSource, beside: Beside) => Promise<T>,
): Promise<T & Opened> {
  const place = await openPlace(given);
  try {
    const opened = await read(place.source, place.beside);
    return { ...opened, files: place.files(), close: place.close };
  } catch (error) {
    await place.close();
    throw error;
  }
}

/** A file of a model, and the way to its neighbours. */
export interface Place {
  readonly source: ByteSource;
  readonly beside: Beside;
  /** Files opened so far, without configurations. */
  files(): string[];
  close(): Promise<void>;
}

/** Opens a weights file, or the one in a model's folder. @throws WeightsError */
export async function openPlace(given: string): Promise<Place> {
  const file = await modelFile(given);
  const sources: FileSource[] = [];
  const track = async (name: string): Promise<FileSource> => {
    const source = await openFile(name);
    sources.push(source);
    return source;
  };
  return {
    source: await track(file),
    async beside(name) {
      const neighbour = path.join(path.dirname(file), name);
      return (await exists(neighbour)) ? track(neighbour) : undefined;
    },
    files: () => sources.map(({ name }) => name).filter((name) => !name.endsWith('.json')),
    async close() {
      await Promise.all(sources.map((source) => source.close()));
    },
  };
}

async function modelFile(given: string): Promise<string> {
  const info = await stat(given).catch(() => undefined);
  if (!info?.isDirectory()) return given;
  for (const name of modelFiles) if (await exists(path.join(given, name))) return path.join(given, name);
  throw new WeightsError({
    file: given,
    expected: `weights in this folder: one of ${modelFiles.filter((name) => !/index/.test(name)).join(', ')}`,
    found: 'none',
  });
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

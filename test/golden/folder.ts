// A folder of reference tensors (../shared/golden/README.md), whatever configurations and files it holds.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { readSafetensors, type SafetensorsFile } from '../../src/model/clip/safetensors.ts';
import { bytesSource } from '../../src/model/clip/source.ts';

export interface Manifest {
  readonly files: Readonly<
    Record<string, { readonly tensors: Readonly<Record<string, { readonly atol?: number }>> }>
  >;
  readonly ops?: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  readonly metrics?: Readonly<
    Record<'image' | 'pixel', Readonly<Record<string, Readonly<Record<string, number>>>>>
  >;
  readonly [configuration: string]: unknown;
}

export interface GoldenFolder {
  readonly manifest: Manifest;
  /** Sub-folders with a weights.safetensors. */
  readonly configurations: readonly string[];
  /** A file of the folder, or undefined where it is not there. */
  open(file: string): Promise<SafetensorsFile | undefined>;
  /** The manifest's tolerance for a tensor of a file; undefined: must be equal. */
  tolerance(file: string, tensor: string): number | undefined;
}

export async function openGolden(folder: string): Promise<GoldenFolder> {
  const file = path.join(folder, 'manifest.json');
  if (!existsSync(file))
    throw new Error(
      `${file}: expected the manifest of a golden folder, found no such file (FAPROMPT_GOLDEN names another folder)`,
    );
  const manifest = JSON.parse(await readFile(file, 'utf8')) as Manifest;
  const entries = await readdir(folder, { withFileTypes: true });
  const opened = new Map<string, Promise<SafetensorsFile>>();
  const load = async (file: string) =>
    readSafetensors(bytesSource(file, await readFile(path.join(folder, file))));
  return {
    manifest,
    configurations: entries
      .filter((e) => e.isDirectory() && existsSync(path.join(folder, e.name, 'weights.safetensors')))
      .map((e) => e.name)
      .sort(),
    async open(file) {
      if (!existsSync(path.join(folder, file))) return undefined;
      if (!opened.has(file)) opened.set(file, load(file));
      return opened.get(file);
    },
    tolerance: (file, tensor) => manifest.files[file]?.tensors[tensor]?.atol,
  };
}

/** Values of a tensor as numbers, whatever its type. */
export async function values(file: SafetensorsFile, name: string): Promise<Float32Array | Int32Array> {
  const { dtype } = file.tensors.get(name)!;
  return /^(F|BF)/.test(dtype) ? file.readFloat32(name) : file.readInt32(name);
}

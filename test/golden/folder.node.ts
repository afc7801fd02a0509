import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { readSafetensors, type SafetensorsFile } from '../../src/formats/safetensors.ts';
import { bytesSource } from '../../src/formats/source.ts';
import type { GoldenFolder, Manifest } from './folder.ts';

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

// What the tests of methods against reference tensors share: ../shared/methods/golden, or another folder of its form.

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { readSafetensors, type SafetensorsFile } from '../src/formats/safetensors.ts';
import { openFile } from '../src/formats/source.node.ts';
import { sharedDir } from './shared.ts';

export const methodsGolden = process.env.FAPROMPT_METHODS_GOLDEN ?? path.join(sharedDir, 'methods/golden');

interface Manifest {
  readonly files: Readonly<
    Record<
      string,
      { readonly tensors: Readonly<Record<string, { readonly atol?: number; readonly max?: number }>> }
    >
  >;
}

export const readManifest = async (): Promise<Manifest> =>
  JSON.parse(await readFile(path.join(methodsGolden, 'manifest.json'), 'utf8')) as Manifest;

/** A file of reference tensors and how far from each one may be. */
export interface Golden {
  readonly file: SafetensorsFile;
  read(name: string): Promise<Float32Array>;
  /** Worst error as a fraction of the manifest's tolerance; checks that it is at most 1. `rows`: which elements count. */
  check(name: string, found: Float32Array, counts?: (i: number) => boolean): Promise<number>;
  /** Fractions by tensor, so far. */
  readonly fractions: Map<string, number>;
}

export async function openGolden(relative: string): Promise<Golden> {
  const manifest = await readManifest();
  const file = await readSafetensors(await openFile(path.join(methodsGolden, relative)));
  const fractions = new Map<string, number>();
  return {
    file,
    fractions,
    read: (name) => file.readFloat32(name),
    async check(name, found, counts = () => true) {
      const expected = await file.readFloat32(name);
      const { atol } = manifest.files[relative]!.tensors[name]!;
      expect(found.length, name).toBe(expected.length);
      let worst = 0;
      for (let i = 0; i < expected.length; i++) {
        const error = Math.abs(found[i]! - expected[i]!);
        if (counts(i)) worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
      }
      const fraction = worst / atol!;
      fractions.set(name, fraction);
      expect(fraction, `${relative}: ${name}: error ${worst}, allowed ${atol}`).toBeLessThanOrEqual(1);
      return fraction;
    },
  };
}

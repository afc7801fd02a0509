// A folder of reference tensors (test/golden/make.py makes them), whatever configurations and files it holds.
import type { SafetensorsFile } from '../../src/formats/safetensors.ts';

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

/** Values of a tensor as numbers, whatever its type. */
export async function values(file: SafetensorsFile, name: string): Promise<Float32Array | Int32Array> {
  const { dtype } = file.tensors.get(name)!;
  return /^(F|BF)/.test(dtype) ? file.readFloat32(name) : file.readInt32(name);
}

// Features of one image as stored in the cache: a safetensors file with a checksum.

import type { UsedBits } from '../../data/image.ts';
import { WeightsError } from '../../formats/errors.ts';
import { decodeHalf, encodeHalf } from '../../formats/half.ts';
import {
  float16Tensor,
  float32Tensor,
  readSafetensors,
  writeSafetensors,
} from '../../formats/safetensors.ts';
import { bytesSource } from '../../formats/source.ts';
import type { HostFeatures } from '../../model/clip/image-encoder.ts';
import type { FeaturePrecision } from '../settings.ts';

/** What the features of an image file depend on. */
export interface FeatureSettings {
  /** sha256 of the CLIP's weights file. */
  readonly clip: string;
  readonly imageSize: number;
  readonly dualLayers: number;
  readonly precision: FeaturePrecision;
}

/** Features of an image, and the size of the image itself. */
export interface FeatureEntry {
  readonly features: HostFeatures;
  readonly width: number;
  readonly height: number;
  /** Bits of 16-bit samples that the image used, where it is not all of them. */
  readonly usedBits?: UsedBits | undefined;
}

/** Name of an entry. @param image sha256 of the image file */
export const entryKey = (
  image: string,
  { clip, imageSize, dualLayers, precision }: FeatureSettings,
): Promise<string> =>
  sha256(
    new TextEncoder().encode(
      JSON.stringify(['faprompt-features', 2, image, clip, imageSize, dualLayers, precision]),
    ),
  );

/** The features as they come back from storage: the first use must see the same bits as the next. */
export const storedPrecision = (
  { image, patches }: HostFeatures,
  precision: FeaturePrecision,
): HostFeatures =>
  precision === 'f32'
    ? { image, patches }
    : { image: decodeHalf(encodeHalf(image)), patches: decodeHalf(encodeHalf(patches)) };

export async function writeEntry(
  { features: { image, patches }, width, height, usedBits }: FeatureEntry,
  precision: FeaturePrecision,
): Promise<Uint8Array> {
  const tensor = precision === 'f16' ? float16Tensor : float32Tensor;
  const rows = patches.length / image.length;
  const tensors = new Map([
    ['image', tensor([image.length], image)],
    ['patches', tensor([rows, image.length], patches)],
  ]);
  const size = `${width}x${height}${usedBits ? `/${usedBits}` : ''}`;
  const checksum = await checksumOf(
    [...tensors.values()].map(({ data }) => data),
    size,
  );
  return writeSafetensors(tensors, { size, checksum });
}

/** @throws WeightsError if the entry is not whole. */
export async function readEntry(bytes: Uint8Array, name: string): Promise<FeatureEntry> {
  const file = await readSafetensors(bytesSource(name, bytes));
  const size = file.metadata.get('size') ?? '';
  const [, width, height, bits] = /^(\d+)x(\d+)(?:\/(8|12))?$/.exec(size) ?? [];
  const checksum = await checksumOf([await file.readBytes('image'), await file.readBytes('patches')], size);
  if (width === undefined || height === undefined || file.metadata.get('checksum') !== checksum)
    throw new WeightsError({
      file: name,
      expected: `checksum ${file.metadata.get('checksum')}`,
      found: checksum,
    });
  return {
    features: { image: await file.readFloat32('image'), patches: await file.readFloat32('patches') },
    width: Number(width),
    height: Number(height),
    ...(bits === undefined ? {} : { usedBits: Number(bits) as UsedBits }),
  };
}

function checksumOf(parts: readonly ArrayBufferView[], size: string): Promise<string> {
  const label = new TextEncoder().encode(size);
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, label.length));
  all.set(label);
  let at = label.length;
  for (const part of parts) {
    all.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  return sha256(all);
}

/** In hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

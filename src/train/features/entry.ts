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
import type { Shape } from '../../kernels/tensor.ts';
import type { HostFeatures } from '../../model/clip/image-encoder.ts';
import { type ImageNeeds, needsKey } from '../../model/clip/needs.ts';
import type { PixelScale } from '../../model/clip/pixels.ts';
import type { FeaturePrecision } from '../settings.ts';

/** What the features of an image file depend on. */
export interface FeatureSettings {
  /** sha256 of the CLIP's weights file. */
  readonly clip: string;
  readonly imageSize: number;
  readonly needs: ImageNeeds;
  readonly precision: FeaturePrecision;
  /** How the CLIP wants its pixels, where not as OpenAI's: its file alone does not say. */
  readonly pixels?: PixelScale | undefined;
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
  { clip, imageSize, needs, precision, pixels }: FeatureSettings,
): Promise<string> =>
  sha256(
    new TextEncoder().encode(
      JSON.stringify([
        'faprompt-features',
        3,
        image,
        clip,
        imageSize,
        needsKey(needs),
        precision,
        ...(pixels ? [pixels.mean, pixels.std] : []),
      ]),
    ),
  );

/** The features as they come back from storage: the first use must see the same bits as the next. */
export const storedPrecision = (features: HostFeatures, precision: FeaturePrecision): HostFeatures =>
  precision === 'f32'
    ? features
    : Object.fromEntries(
        Object.entries(features).map(([name, values]) => [name, decodeHalf(encodeHalf(values))]),
      );

/** Names and shapes of an image's features (featureShapes). */
type Shapes = ReadonlyMap<string, Shape>;

export async function writeEntry(
  { features, width, height, usedBits }: FeatureEntry,
  shapes: Shapes,
  precision: FeaturePrecision,
): Promise<Uint8Array> {
  const tensor = precision === 'f16' ? float16Tensor : float32Tensor;
  const tensors = new Map([...shapes].map(([name, shape]) => [name, tensor(shape, features[name]!)]));
  const size = `${width}x${height}${usedBits ? `/${usedBits}` : ''}`;
  const checksum = await checksumOf(
    [...tensors.values()].map(({ data }) => data),
    size,
  );
  return writeSafetensors(tensors, { size, checksum });
}

/** @throws WeightsError if the entry is not whole, or not of these features. */
export async function readEntry(bytes: Uint8Array, name: string, shapes: Shapes): Promise<FeatureEntry> {
  const file = await readSafetensors(bytesSource(name, bytes));
  const fail = (expected: string, found: string): never => {
    throw new WeightsError({ file: name, expected, found });
  };
  for (const [tensor, shape] of shapes) {
    const found = file.tensors.get(tensor)?.shape;
    if (found?.join() !== shape.join()) fail(`${tensor} [${shape}]`, found ? `[${found}]` : 'no such tensor');
  }
  const size = file.metadata.get('size') ?? '';
  const [, width, height, bits] = /^(\d+)x(\d+)(?:\/(8|12))?$/.exec(size) ?? [];
  const parts: Uint8Array[] = [];
  for (const tensor of shapes.keys()) parts.push(await file.readBytes(tensor));
  const checksum = await checksumOf(parts, size);
  if (width === undefined || height === undefined || file.metadata.get('checksum') !== checksum)
    fail(`checksum ${file.metadata.get('checksum')}`, checksum);
  const features: Record<string, Float32Array> = {};
  for (const tensor of shapes.keys()) features[tensor] = await file.readFloat32(tensor);
  return {
    features,
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

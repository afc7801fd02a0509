import { MetricInputError } from './errors.ts';
import { keyOfBits } from './keys.ts';
import { regionAreas } from './regions.ts';

/** One image's pixels by label: keys (see keys.ts) and, for each positive, the area of its region. `regions`: how many those are. */
export type PixelKeys = {
  negatives: Uint32Array;
  positives: Uint32Array;
  areas: Uint32Array;
  regions: number;
};

/**
 * Checks one image and turns it into keys by label.
 * @throws MetricInputError naming `map` or `mask`
 */
export function pixelKeys(
  map: Float32Array,
  mask: Uint8Array | null,
  width: number,
  height: number,
): PixelKeys {
  const size = width * height;
  if (map.length !== size) {
    throw new MetricInputError('map', `${width} x ${height} = ${size} scores`, `${map.length}`);
  }
  if (mask && mask.length !== size) {
    throw new MetricInputError('mask', `${width} x ${height} = ${size} pixels, as the map`, `${mask.length}`);
  }
  const bits = new Uint32Array(map.buffer, map.byteOffset, size);
  for (let i = 0; i < size; i++) {
    // All exponent bits set: infinite or NaN.
    if ((bits[i]! & 0x7f800000) === 0x7f800000) {
      throw new MetricInputError(`map[${i}]`, 'a finite score', `${map[i]}`);
    }
  }
  const none = new Uint32Array(0);
  const { areas, regions, pixels } = mask
    ? regionAreas(mask, width, height)
    : { areas: none, regions: 0, pixels: 0 };
  if (pixels === 0) {
    return { negatives: bits.map(keyOfBits), positives: none, areas: none, regions: 0 };
  }
  const keys = {
    negatives: new Uint32Array(size - pixels),
    positives: new Uint32Array(pixels),
    areas: new Uint32Array(pixels),
    regions,
  };
  let n = 0;
  let p = 0;
  for (let i = 0; i < size; i++) {
    const key = keyOfBits(bits[i]!);
    const area = areas[i]!;
    if (area === 0) keys.negatives[n++] = key;
    else {
      keys.positives[p] = key;
      keys.areas[p++] = area;
    }
  }
  return keys;
}

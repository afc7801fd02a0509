// Whether weights are numbers: one NaN or infinity spreads over every score. Bit patterns are looked at, all of them,
// without a branch: that costs a fraction of reading them (bench/results, `load`).
import { WeightsError } from '../../formats/errors.ts';

type Values = Float32Array | Uint16Array | Uint8Array;

/** @param values f32, or the bits of f16 (Uint16Array); integers (Uint8Array) are always finite */
export function allFinite(values: Values): boolean {
  if (values instanceof Uint8Array) return true;
  if (values instanceof Float32Array) return finite32(values);
  return finite16(values);
}

/** An exponent of ones is an infinity or NaN: adding one to it carries into the (cleared) sign. */
function finite32({ buffer, byteOffset, length }: Float32Array): boolean {
  const words = new Int32Array(buffer, byteOffset, length);
  let bad = 0;
  for (let i = 0; i < words.length; i++) bad |= (words[i]! & 0x7f800000) + 0x00800000;
  return bad >= 0;
}

/** Two halves at a time. */
function finite16(bits: Uint16Array): boolean {
  const { buffer, byteOffset, length } = bits;
  let bad = 0;
  const from = byteOffset % 4 === 0 ? 0 : 1;
  const words = new Int32Array(buffer, byteOffset + 2 * from, (length - from) >> 1);
  for (let i = 0; i < words.length; i++) bad |= ((words[i]! & 0x7c007c00) + 0x04000400) & 0x80008000;
  if (from > 0 && length > 0) bad |= ((bits[0]! & 0x7c00) + 0x0400) & 0x8000;
  if ((length - from) % 2 > 0) bad |= ((bits[length - 1]! & 0x7c00) + 0x0400) & 0x8000;
  return bad === 0;
}

/** @throws WeightsError naming the tensor */
export function checkFinite<T extends Values>(values: T, file: string, tensor: string): T {
  if (!allFinite(values))
    throw new WeightsError({ file, tensor, expected: 'finite numbers', found: 'NaN or infinity' });
  return values;
}

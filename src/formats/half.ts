/**
 * Conversions between float32 and the 16-bit formats of weights files: IEEE 754 binary16 (F16) and bfloat16
 * (BF16). To 16 bits they round to nearest, ties to even; subnormals, infinities and NaN are kept.
 */

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** Value of the binary16 number with these 16 bits. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The 16 bits of the binary16 number nearest to `value`, which is first rounded to float32. */
export function floatToHalf(value: number): number {
  float[0] = value;
  const sign = (word[0]! >>> 16) & 0x8000;
  const bits = word[0]! & 0x7fffffff;
  if (bits > 0x7f800000) return sign | 0x7e00; // NaN
  if (bits >= 0x47800000) return sign | 0x7c00; // 65536 and above
  // Normal: re-bias the exponent by 112. The rounding carry may run into the exponent, up to infinity.
  if (bits >= 0x38800000) return sign | ((bits - 0x38000000 + 0xfff + ((bits >>> 13) & 1)) >>> 13);
  // Subnormal, in units of 2^-24: shift the significand, with its leading one, into place.
  const shift = 126 - (bits >>> 23);
  if (shift > 24) return sign;
  const significand = (bits & 0x7fffff) | 0x800000;
  const quotient = significand >>> shift;
  const rest = significand - (quotient << shift);
  const half = 1 << (shift - 1);
  return sign | (quotient + (rest > half || (rest === half && quotient & 1) ? 1 : 0));
}

let table: Float32Array | undefined;

/** Decodes an array of binary16 bit patterns; a table of all 65536 makes it fast. */
export function decodeHalf(bits: Uint16Array): Float32Array<ArrayBuffer> {
  table ??= Float32Array.from({ length: 65536 }, (_, index) => halfToFloat(index));
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i]!]!;
  return values;
}

/** Encodes float32 values as binary16 bit patterns. */
export function encodeHalf(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) bits[i] = floatToHalf(values[i]!);
  return bits;
}

/** Decodes bfloat16: the upper half of a float32. */
export function decodeBfloat(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return new Float32Array(words.buffer);
}

/** Encodes float32 values as bfloat16 bit patterns. */
export function encodeBfloat(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const w = words[i]!;
    // A NaN must not be carried into an infinity: keep its sign and make it quiet.
    bits[i] = (w & 0x7fffffff) > 0x7f800000 ? (w >>> 16) | 0x40 : (w + 0x7fff + ((w >>> 16) & 1)) >>> 16;
  }
  return bits;
}

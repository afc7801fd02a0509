/**
 * Float32 scores as unsigned integers in the same order, so that they sort by radix and bucket by their high bits.
 */

/** The key of a float32 given its bits: larger scores have larger keys, and -0 equals +0. Not for NaN. */
export const keyOfBits = (bits: number): number => {
  if (bits === 0x80000000) return 0x80000000;
  return (bits & 0x80000000 ? ~bits : bits | 0x80000000) >>> 0;
};

const scratch = new Uint32Array(1);
const scratchFloat = new Float32Array(scratch.buffer);

/** The float32 whose key is `key`. */
export const scoreOfKey = (key: number): number => {
  scratch[0] = key & 0x80000000 ? key & 0x7fffffff : ~key;
  return scratchFloat[0]!;
};

const DIGITS = [
  { shift: 0, mask: 0x7ff },
  { shift: 11, mask: 0x7ff },
  { shift: 22, mask: 0x3ff },
] as const;

/** First output position of every value of every digit. */
function digitOffsets(parts: readonly Uint32Array[]): Uint32Array[] {
  const [low, middle, high] = DIGITS.map(({ mask }) => new Uint32Array(mask + 1)) as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  for (const keys of parts) {
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      low[key & 0x7ff]!++;
      middle[(key >>> 11) & 0x7ff]!++;
      high[key >>> 22]!++;
    }
  }
  const offsets = [low, middle, high];
  for (const counts of offsets) {
    let sum = 0;
    for (let d = 0; d < counts.length; d++) {
      const count = counts[d]!;
      counts[d] = sum;
      sum += count;
    }
  }
  return offsets;
}

interface Digit {
  readonly shift: number;
  readonly mask: number;
}

/** Moves every key to the next free place of its digit. */
function scatter(keys: Uint32Array, to: Uint32Array, offsets: Uint32Array, { shift, mask }: Digit) {
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    to[offsets[(key >>> shift) & mask]!++] = key;
  }
}

interface Pairs {
  readonly keys: Uint32Array;
  readonly values: Uint32Array;
}

/** The same, and each key's companion with it. */
function scatterPairs({ keys, values }: Pairs, to: Pairs, offsets: Uint32Array, { shift, mask }: Digit) {
  const { keys: toKeys, values: toValues } = to;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    const place = offsets[(key >>> shift) & mask]!++;
    toKeys[place] = key;
    toValues[place] = values[i]!;
  }
}

const concatenatedLength = (parts: readonly Uint32Array[]): number =>
  parts.reduce((sum, part) => sum + part.length, 0);

/** All keys of `parts` in ascending order (radix sort, three passes; `parts` is left as it is). */
export function sortKeys(parts: readonly Uint32Array[]): Uint32Array {
  const length = concatenatedLength(parts);
  const offsets = digitOffsets(parts);
  let from = parts;
  const buffers = [new Uint32Array(length), new Uint32Array(length)] as const;
  DIGITS.forEach((digit, pass) => {
    const to = buffers[pass % 2]!;
    for (const keys of from) scatter(keys, to, offsets[pass]!, digit);
    from = [to];
  });
  return from[0]!;
}

/** Keys in ascending order, each with the value that stood beside it in `valueParts`. */
export function sortKeysWithValues(
  keyParts: readonly Uint32Array[],
  valueParts: readonly Uint32Array[],
): Pairs {
  const length = concatenatedLength(keyParts);
  const offsets = digitOffsets(keyParts);
  let keys = keyParts;
  let values = valueParts;
  const pair = () => ({ keys: new Uint32Array(length), values: new Uint32Array(length) });
  const buffers = [pair(), pair()] as const;
  DIGITS.forEach((digit, pass) => {
    const to = buffers[pass % 2]!;
    keys.forEach((part, p) => {
      scatterPairs({ keys: part, values: values[p]! }, to, offsets[pass]!, digit);
    });
    keys = [to.keys];
    values = [to.values];
  });
  return { keys: keys[0]!, values: values[0]! };
}

/** Seeded random numbers, the same on every machine, whose state can be stored and taken up again. */

/** The four words of xoshiro128**; plain numbers, so that it can be stored as JSON. */
export type RandomState = readonly [number, number, number, number];

export interface Random {
  /** Uniform in [0, 1), a multiple of 2^-32. */
  next(): number;
  /** Uniform integer in [0, n), for n up to 2^32. */
  int(n: number): number;
  /** Uniform in [low, high). */
  range(low: number, high: number): number;
  /** Standard normal (Box-Muller; nothing is kept between calls, so the state is the whole state). */
  normal(): number;
  /** One element of a list that is not empty. */
  pick<T>(items: readonly T[]): T;
  /** Fisher-Yates in place; returns the array. */
  shuffle<T>(items: T[]): T[];
  /** State before the next number; `createRandom(state)` continues from it with the same bits. */
  state(): RandomState;
}

const rotateLeft = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** MurmurHash3's 32-bit finaliser. */
const mix = (x: number): number => {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

/** xoshiro128** (Blackman and Vigna, 2018), seeded by a 32-bit integer or continued from a stored state. */
export function createRandom(seed: number | RandomState): Random {
  const s = new Uint32Array(4);
  if (typeof seed === 'number') {
    // A Weyl sequence through `mix`, as splitmix32: never all zero.
    for (let i = 0; i < 4; i++) s[i] = mix(seed + Math.imul(i + 1, 0x9e3779b9));
  } else s.set(seed);

  const next32 = (): number => {
    const result = Math.imul(rotateLeft(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotateLeft(s[3]!, 11);
    return result;
  };
  const next = (): number => next32() / 2 ** 32;
  const int = (n: number): number => Math.floor(next() * n);
  return {
    next,
    int,
    range: (low, high) => low + (high - low) * next(),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    pick: (items) => items[int(items.length)]!,
    shuffle: (items) => {
      for (let i = items.length - 1; i > 0; i--) {
        const j = int(i + 1);
        [items[i], items[j]] = [items[j]!, items[i]!];
      }
      return items;
    },
    state: () => [s[0]!, s[1]!, s[2]!, s[3]!],
  };
}

/** A seed for a named part of a seeded whole (class, image, epoch, ...), independent of all other parts. */
export function deriveSeed(seed: number, ...parts: (string | number)[]): number {
  let h = mix(seed ^ 0x2545f491);
  for (const part of parts) {
    for (const char of `${part}\0`) h = Math.imul(h ^ char.codePointAt(0)!, 0x01000193);
    h = mix(h);
  }
  return h;
}

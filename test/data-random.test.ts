import { describe, expect, it } from 'vitest';
import { createRandom, deriveSeed } from '../src/base/random.ts';

const take = (n: number, next: () => number): number[] => Array.from({ length: n }, next);

describe('createRandom', () => {
  it("gives xoshiro128**'s published sequence", () => {
    // First outputs of the authors' C code from the state {1, 2, 3, 4}.
    const random = createRandom([1, 2, 3, 4]);
    expect(take(6, () => random.next() * 2 ** 32)).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492,
    ]);
  });

  it('continues from a stored state with the same bits', () => {
    const random = createRandom(42);
    take(7, random.normal);
    const stored = JSON.stringify(random.state());
    const array = take(20, random.next);
    const draws = [...array, ...take(9, random.normal), ...random.shuffle([1, 2, 3, 4, 5, 6, 7])];
    const again = createRandom(JSON.parse(stored));
    const array2 = take(20, again.next);
    expect([...array2, ...take(9, again.normal), ...again.shuffle([1, 2, 3, 4, 5, 6, 7])]).toEqual(draws);
    expect(again.state()).toEqual(random.state());
  });

  it('differs between seeds, neighbours and zero included', () => {
    const firsts = [0, 1, 2, -1, 2 ** 31, 2 ** 32 - 2].map((seed) => createRandom(seed).next());
    expect(new Set(firsts).size).toBe(firsts.length);
  });

  it('has the moments of its distributions', () => {
    const random = createRandom(3);
    const n = 40_000;
    const uniform = take(n, random.next);
    const mean = uniform.reduce((a, b) => a + b) / n;
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / n));
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...uniform)).toBeLessThan(1);
    const normal = take(n, random.normal);
    const normalMean = normal.reduce((a, b) => a + b) / n;
    const variance = normal.reduce((a, b) => a + b * b, 0) / n;
    expect(Math.abs(normalMean)).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    const counts = [0, 0, 0, 0, 0];
    for (let i = 0; i < n; i++) counts[random.int(5)]! += 1;
    for (const count of counts) expect(Math.abs(count - n / 5)).toBeLessThan(5 * Math.sqrt(n * 0.16));
  });

  it('shuffles every element into every place about equally often', () => {
    const random = createRandom(9);
    const places = [0, 0, 0, 0];
    for (let i = 0; i < 8000; i++) places[random.shuffle(['a', 'b', 'c', 'd']).indexOf('a')]! += 1;
    for (const count of places) expect(Math.abs(count - 2000)).toBeLessThan(200);
  });

  it('derives seeds from every part and from where parts end', () => {
    const seeds = [
      deriveSeed(1, 'a', 'b', 0),
      deriveSeed(1, 'a', 'b', 1),
      deriveSeed(2, 'a', 'b', 0),
      deriveSeed(1, 'ab', 0),
      deriveSeed(1, 'b', 'a', 0),
      deriveSeed(1, 'a', 'b'),
    ];
    expect(new Set(seeds).size).toBe(seeds.length);
    expect(deriveSeed(1, 'a', 'b', 0)).toBe(seeds[0]);
  });
});

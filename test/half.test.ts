import { describe, expect, test } from 'vitest';
import { decodeBfloat, decodeHalf, encodeBfloat, floatToHalf, halfToFloat } from '../src/formats/half.ts';

describe('half precision', () => {
  test('every binary16 number keeps its bits through float32; NaN stays NaN', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = halfToFloat(bits);
      if (Number.isNaN(value)) expect((floatToHalf(value) & 0x7fff) > 0x7c00).toBe(true);
      else if (floatToHalf(value) !== bits) expect(floatToHalf(value)).toBe(bits);
    }
    expect([0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x7c00].map(halfToFloat)).toEqual([
      1,
      -2,
      65504,
      2 ** -14,
      2 ** -24,
      Number.POSITIVE_INFINITY,
    ]);
    expect(Object.is(halfToFloat(0x8000), -0)).toBe(true);
    expect(decodeHalf(new Uint16Array([0x3555, 0xfc00]))).toEqual(
      new Float32Array([1365 / 4096, Number.NEGATIVE_INFINITY]),
    );
  });

  test('between two binary16 neighbours the nearer one is taken, the even one in the middle', () => {
    const ulp = (x: number) => Math.fround(x * (1 + 2 ** -23));
    for (let bits = 0; bits < 0x7bff; bits++) {
      const low = halfToFloat(bits);
      const middle = (low + halfToFloat(bits + 1)) / 2; // exact in float32
      const found = [floatToHalf(middle), floatToHalf(ulp(middle)), floatToHalf(-middle)];
      const even = bits + (bits & 1);
      if (found.join() !== [even, bits + 1, even | 0x8000].join())
        expect(found, `middle above ${bits}`).toEqual([even, bits + 1, even | 0x8000]);
    }
    expect(floatToHalf(65519.99)).toBe(0x7bff);
    expect(floatToHalf(65520)).toBe(0x7c00);
    expect(floatToHalf(-1e30)).toBe(0xfc00);
    expect(floatToHalf(2 ** -25)).toBe(0);
    expect(floatToHalf(1e-40)).toBe(0);
  });

  test('bfloat16 rounds to nearest even and keeps specials', () => {
    const values = new Float32Array([1, -2.5, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38, Number.NaN, -0, 1e-40]);
    const decoded = decodeBfloat(encodeBfloat(values));
    expect([...decoded.subarray(0, 5)]).toEqual([1, -2.5, 1, 1 + 2 ** -6, Number.POSITIVE_INFINITY]);
    expect(decoded[5]).toBeNaN();
    expect(Object.is(decoded[6], -0)).toBe(true);
    expect(decoded[7]).toBe(2 ** -133); // the nearest subnormal
  });
});

// What a pickle's opcodes read behind them: numbers, texts and lines, in order. Nothing is read past the end.

/** Throws. */
export type Fail = (expected: string, found: string) => never;

export interface Operands {
  byte(): number;
  uint16(): number;
  int32(): number;
  uint32(): number;
  /** A length of 8 bytes. */
  size8(): number;
  float64(): number;
  text(length: number): string;
  /** Up to a line's end, which is not part of it. */
  line(): string;
  copy(length: number): Uint8Array;
  skip(length: number): void;
  /** An integer of so many bytes; Infinity for one of more than 8. */
  integer(length: number): number | bigint;
}

/** @param fail called, and not returned from, where the bytes end before the operand does */
export function readOperands(bytes: Uint8Array, fail: Fail): Operands {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const take = (length: number): number => {
    if (!(length <= bytes.length - at)) fail('a whole pickle', `one that ends at byte ${bytes.length}`);
    at += length;
    return at - length;
  };
  const text = (length: number): string => {
    const start = take(length);
    return new TextDecoder().decode(bytes.subarray(start, start + length));
  };
  return {
    byte: () => bytes[take(1)]!,
    uint16: () => view.getUint16(take(2), true),
    int32: () => view.getInt32(take(4), true),
    uint32: () => view.getUint32(take(4), true),
    size8: () => Number(view.getBigUint64(take(8), true)),
    float64: () => view.getFloat64(take(8), false),
    text,
    line() {
      const end = bytes.indexOf(0x0a, at);
      if (end < 0) fail('a whole pickle', 'a line without an end');
      const result = text(end - at);
      at = end + 1;
      return result;
    },
    copy(length) {
      const start = take(length);
      return bytes.slice(start, start + length);
    },
    skip: take,
    integer(length) {
      const start = take(length);
      // Nothing of a model is that large; a hash or a random state beside it is.
      if (length > 8) return Number.POSITIVE_INFINITY;
      let value = 0n;
      for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[start + i]!);
      return narrow(BigInt.asIntN(8 * length, value));
    },
  };
}

/** An integer in decimal digits. */
export const decimal = (digits: string, fail: Fail): number | bigint =>
  /^-?\d{1,20}$/.test(digits) ? narrow(BigInt(digits)) : fail('a decimal integer', digits);

const narrow = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;

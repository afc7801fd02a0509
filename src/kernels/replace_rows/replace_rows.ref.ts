import type { Reference } from '../op-test.ts';
import type { ReplaceRowsAttrs } from './replace_rows.ts';

/** Whether row `row` of a sequence is replaced. */
const replaced = ({ start, count }: ReplaceRowsAttrs, row: number) => row >= start && row < start + count;

export const replaceRowsReference: Reference<ReplaceRowsAttrs> = {
  forward(attrs, [x, tokens]) {
    const [, length, width] = x!.shape as [number, number, number];
    return [
      {
        shape: x!.shape,
        data: x!.data.map((value, i) => {
          const row = Math.floor(i / width) % length;
          return replaced(attrs, row)
            ? tokens!.data[(attrs.first + row - attrs.start) * width + (i % width)]!
            : value;
        }),
      },
    ];
  },
  backward(attrs, [x, tokens], [dout]) {
    const [, length, width] = x!.shape as [number, number, number];
    const dtokens = new Float64Array(tokens!.data.length);
    const dx = dout!.data.map((value, i) => {
      const row = Math.floor(i / width) % length;
      if (!replaced(attrs, row)) return value;
      dtokens[(attrs.first + row - attrs.start) * width + (i % width)]! += value;
      return 0;
    });
    return [
      { shape: x!.shape, data: dx },
      { shape: tokens!.shape, data: dtokens },
    ];
  },
};

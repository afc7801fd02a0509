import type { Reference, RefTensor } from '../op-test.ts';
import type { ScatterAttrs } from './gather.ts';

/** rows[b][m] -> where its elements begin in the long tensor [batches or 1, length, width]; undefined if outside. */
function* pairs(index: RefTensor, batches: number, length: number, width: number) {
  const [b, count] = index.shape as [number, number];
  for (let row = 0; row < b * count; row += 1) {
    const batch = batches === 1 ? 0 : Math.floor(row / count);
    const chosen = index.data[row]!;
    const inside = chosen >= 0 && chosen < length;
    yield { short: row * width, long: inside ? (batch * length + chosen) * width : undefined };
  }
}

function gather(x: RefTensor, index: RefTensor): RefTensor {
  const [batches, length, width] = x.shape as [number, number, number];
  const shape = [...index.shape, width];
  const data = new Float64Array(index.data.length * width).fill(Number.NaN);
  for (const { short, long } of pairs(index, batches, length, width))
    if (long !== undefined) data.set(x.data.subarray(long, long + width), short);
  return { shape, data };
}

function scatter(x: RefTensor, index: RefTensor, batches: number, length: number): RefTensor {
  const width = x.shape[2]!;
  const data = new Float64Array(batches * length * width);
  for (const { short, long } of pairs(index, batches, length, width))
    if (long !== undefined) for (let c = 0; c < width; c += 1) data[long + c]! += x.data[short + c]!;
  return { shape: [batches, length, width], data };
}

export const gatherRowsReference: Reference<Record<never, never>> = {
  forward: (_, [x, index]) => [gather(x!, index!)],
  backward: (_, [x, index], [dout]) => [scatter(dout!, index!, x!.shape[0]!, x!.shape[1]!), undefined],
};

export const scatterRowsReference: Reference<ScatterAttrs> = {
  forward: ({ length, shared }, [x, index]) => [scatter(x!, index!, shared ? 1 : index!.shape[0]!, length)],
  backward: (_, [, index], [dout]) => [gather(dout!, index!), undefined],
};

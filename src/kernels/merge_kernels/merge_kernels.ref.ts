import type { Reference, RefTensor } from '../op-test.ts';
import { elements } from '../tensor.ts';

/** Calls `visit` with the flat indices of a kernel's values and of their places in the merged kernel. */
function visitValues(
  { shape }: RefTensor,
  [height, width]: readonly [number, number],
  visit: (own: number, merged: number) => void,
): void {
  const [out, inner, rows, columns] = shape as [number, number, number, number];
  for (let pair = 0; pair < out * inner; pair += 1)
    for (let y = 0; y < rows; y += 1)
      for (let x = 0; x < columns; x += 1) {
        const tap = (y + (height - rows) / 2) * width + x + (width - columns) / 2;
        visit((pair * rows + y) * columns + x, tap * out * inner + pair);
      }
}

export const mergeKernelsReference: Reference<Record<never, never>> = {
  forward(_, kernels) {
    const [out, inner, height, width] = kernels[0]!.shape as [number, number, number, number];
    const shape = [height, width, out, inner];
    const data = new Float64Array(elements(shape));
    for (const kernel of kernels)
      visitValues(kernel!, [height, width], (own, merged) => {
        data[merged]! += kernel!.data[own]!;
      });
    return [{ shape, data }];
  },
  backward(_, kernels, [dout]) {
    const size = dout!.shape.slice(0, 2) as [number, number];
    return kernels.map((kernel) => {
      const data = new Float64Array(kernel!.data.length);
      visitValues(kernel!, size, (own, merged) => {
        data[own] = dout!.data[merged]!;
      });
      return { shape: kernel!.shape, data };
    });
  },
};

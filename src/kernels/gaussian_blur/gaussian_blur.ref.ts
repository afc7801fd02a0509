import type { Reference } from '../op-test.ts';

/** Index of the mirrored row's element at any position: steps back from each border until it is inside. */
function mirror(position: number, length: number): number {
  let at = position;
  while (at < 0 || at >= length) at = at < 0 ? -1 - at : 2 * length - 1 - at;
  return at;
}

export const gaussianBlurReference: Reference<object> = {
  forward(_, [x, weights]) {
    const [height, width] = x!.shape.slice(-2) as [number, number];
    const radius = (weights!.data.length - 1) / 2;
    // Directly in two dimensions, unlike the kernel's two passes.
    const data = x!.data.map((_, i) => {
      const column = i % width;
      const row = Math.floor(i / width) % height;
      const image = i - row * width - column;
      let sum = 0;
      for (let dy = -radius; dy <= radius; dy += 1) {
        for (let dx = -radius; dx <= radius; dx += 1) {
          const weight = weights!.data[dy + radius]! * weights!.data[dx + radius]!;
          sum += weight * x!.data[image + mirror(row + dy, height) * width + mirror(column + dx, width)]!;
        }
      }
      return sum;
    });
    return [{ shape: x!.shape, data }];
  },
};

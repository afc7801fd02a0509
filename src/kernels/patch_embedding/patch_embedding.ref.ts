import type { Reference, RefTensor } from '../op-test.ts';
import type { PatchifyAttrs } from './patch_embedding.ts';

/** Calls `visit` with the flat index of every pixel and of its place among the patches. */
function visitPixels(patch: number, images: RefTensor, visit: (pixel: number, place: number) => void): void {
  const [, channels, height, width] = images.shape as [number, number, number, number];
  const gridColumns = width / patch;
  const patches = (height / patch) * gridColumns;
  images.data.forEach((_, pixel) => {
    const x = pixel % width;
    const y = Math.floor(pixel / width) % height;
    const channel = Math.floor(pixel / (width * height)) % channels;
    const image = Math.floor(pixel / (width * height * channels));
    const index = Math.floor(y / patch) * gridColumns + Math.floor(x / patch);
    const inside = (channel * patch + (y % patch)) * patch + (x % patch);
    visit(pixel, (image * patches + index) * channels * patch * patch + inside);
  });
}

export const patchifyReference: Reference<PatchifyAttrs> = {
  forward({ patch }, [images]) {
    const [batch, channels, height, width] = images!.shape as [number, number, number, number];
    const data = new Float64Array(images!.data.length);
    visitPixels(patch, images!, (pixel, place) => {
      data[place] = images!.data[pixel]!;
    });
    return [{ shape: [batch, (height * width) / patch ** 2, channels * patch * patch], data }];
  },
  backward({ patch }, [images], [dout]) {
    const data = new Float64Array(images!.data.length);
    visitPixels(patch, images!, (pixel, place) => {
      data[pixel] = dout!.data[place]!;
    });
    return [{ shape: images!.shape, data }];
  },
};

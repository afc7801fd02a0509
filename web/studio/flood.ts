// The bucket: from a place through everything that looks alike, up to what is painted already.
import { proxy, transfer } from 'comlink';

export interface Flood {
  /**
   * A painting of what is reached from (x, y); undefined: that place is painted already.
   * @param reach largest distance in colour from where it began, as a share of the largest there is
   * @param painting what is painted; the bucket stops at it
   */
  fill(x: number, y: number, reach: number, painting: ImageBitmap): ImageBitmap | undefined;
  close(): void;
}

const pixelsOf = (bitmap: ImageBitmap): Uint8ClampedArray => {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height).data;
};

/** Pixels from a seed whose colour is near the seed's and that nothing covers: 1 where reached. */
export function floodFill(
  { rgba, covered }: Record<'rgba' | 'covered', Uint8ClampedArray>,
  { width, height }: { readonly width: number; readonly height: number },
  seed: number,
  reach: number,
): Uint8Array {
  const reached = new Uint8Array(width * height);
  const open = (pixel: number) => covered[4 * pixel + 3]! <= 127;
  if (!open(seed)) return reached;
  const limit = (reach * 255) ** 2 * 3;
  const [r, g, b] = [rgba[4 * seed]!, rgba[4 * seed + 1]!, rgba[4 * seed + 2]!];
  const alike = (pixel: number) =>
    (rgba[4 * pixel]! - r) ** 2 + (rgba[4 * pixel + 1]! - g) ** 2 + (rgba[4 * pixel + 2]! - b) ** 2 <= limit;
  const waiting = new Int32Array(width * height);
  let count = 0;
  const visit = (pixel: number) => {
    if (reached[pixel] || !open(pixel) || !alike(pixel)) return;
    reached[pixel] = 1;
    waiting[count] = pixel;
    count += 1;
  };
  visit(seed);
  while (count > 0) {
    count -= 1;
    const pixel = waiting[count]!;
    const x = pixel % width;
    if (x > 0) visit(pixel - 1);
    if (x < width - 1) visit(pixel + 1);
    if (pixel >= width) visit(pixel - width);
    if (pixel < width * (height - 1)) visit(pixel + width);
  }
  return reached;
}

export function createFlood(photograph: ImageBitmap): Flood & { close(): void } {
  const { width, height } = photograph;
  let rgba: Uint8ClampedArray | undefined = pixelsOf(photograph);
  return proxy({
    fill(x: number, y: number, reach: number, painting: ImageBitmap) {
      const seed = Math.floor(y) * width + Math.floor(x);
      const reached = floodFill({ rgba: rgba!, covered: pixelsOf(painting) }, { width, height }, seed, reach);
      if (!reached.includes(1)) return undefined;
      const canvas = new OffscreenCanvas(width, height);
      const image = new ImageData(width, height);
      const words = new Uint32Array(image.data.buffer);
      const colour = new Uint32Array(new Uint8Array([255, 59, 48, 255]).buffer)[0]!;
      reached.forEach((one, i) => {
        if (one) words[i] = colour;
      });
      canvas.getContext('2d')!.putImageData(image, 0, 0);
      const made = canvas.transferToImageBitmap();
      return transfer(made, [made]);
    },
    close() {
      rgba = undefined;
    },
  });
}

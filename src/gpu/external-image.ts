/** Pixels of a bitmap, 3 bytes each, row by row. */
export interface BitmapPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Side of the tiles that are copied at a time; every adapter allows textures of this size. */
const tile = 2048;

/**
 * Reads a browser's bitmap as it was decoded: a 2D canvas would multiply by alpha and lose what is transparent.
 * @throws DOMException for a bitmap that the page may not read
 */
export async function readBitmap(
  { device }: { device: GPUDevice },
  bitmap: ImageBitmap,
): Promise<BitmapPixels> {
  const { width, height } = bitmap;
  const data = new Uint8Array(3 * width * height);
  const [tileWidth, tileHeight] = [Math.min(tile, width), Math.min(tile, height)];
  const stride = Math.ceil((4 * tileWidth) / 256) * 256;
  const texture = device.createTexture({
    label: 'bitmap',
    size: [tileWidth, tileHeight],
    format: 'rgba8unorm',
    usage: GPUTextureUsage.COPY_DST | GPUTextureUsage.COPY_SRC | GPUTextureUsage.RENDER_ATTACHMENT,
  });
  const staging = device.createBuffer({
    label: 'bitmap',
    size: stride * tileHeight,
    usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
  });
  try {
    for (let top = 0; top < height; top += tile) {
      for (let left = 0; left < width; left += tile) {
        const size = [Math.min(tile, width - left), Math.min(tile, height - top)] as const;
        device.queue.copyExternalImageToTexture(
          { source: bitmap, origin: [left, top] },
          { texture, premultipliedAlpha: false },
          size,
        );
        const encoder = device.createCommandEncoder();
        encoder.copyTextureToBuffer({ texture }, { buffer: staging, bytesPerRow: stride }, size);
        device.queue.submit([encoder.finish()]);
        await staging.mapAsync(GPUMapMode.READ);
        const rgba = new Uint8Array(staging.getMappedRange());
        for (let y = 0; y < size[1]; y++) {
          let to = 3 * ((top + y) * width + left);
          for (let from = y * stride; from < y * stride + 4 * size[0]; from += 4) {
            data[to++] = rgba[from]!;
            data[to++] = rgba[from + 1]!;
            data[to++] = rgba[from + 2]!;
          }
        }
        staging.unmap();
      }
    }
  } finally {
    texture.destroy();
    staging.destroy();
  }
  return { width, height, data };
}

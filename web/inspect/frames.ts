// Pictures of a video as pixels, one at a time.

/**
 * What takes the picture that a video shows now; it is overwritten by the next one. Not drawn onto a canvas where that
 * can be avoided: Chromium keeps every picture that is drawn, a megabyte each, until it has hundreds of them.
 */
export function frameTaker(video: HTMLVideoElement): () => Promise<ImageData> {
  let pixels = new Uint8ClampedArray(0);
  let canvas: OffscreenCanvasRenderingContext2D | undefined;
  let direct = 'VideoFrame' in globalThis;

  async function copied(): Promise<ImageData | undefined> {
    const frame = new VideoFrame(video);
    try {
      const { width, height } = frame.visibleRect!;
      const options = { format: 'RGBA' } as const;
      const bytes = frame.allocationSize(options);
      // A browser that converts nothing has another size.
      if (bytes !== 4 * width * height) return undefined;
      if (pixels.length !== bytes) pixels = new Uint8ClampedArray(bytes);
      await frame.copyTo(pixels, options);
      return new ImageData(pixels, width, height);
    } finally {
      frame.close();
    }
  }
  function drawn(): ImageData {
    const { videoWidth: width, videoHeight: height } = video;
    if (canvas?.canvas.width !== width || canvas.canvas.height !== height)
      canvas = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
    canvas.drawImage(video, 0, 0, width, height);
    return canvas.getImageData(0, 0, width, height);
  }
  return async () => {
    if (direct) {
      const found = await copied().catch(() => undefined);
      if (found) return found;
      direct = false;
    }
    return drawn();
  };
}

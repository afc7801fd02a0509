// Pictures of a video as pixels, one at a time.
import { videoPixels } from '../../src/detector/video-frame.ts';

/** Takes the picture that a video shows now; the next one overwrites it. */
export function frameTaker(video: HTMLVideoElement): () => Promise<ImageData> {
  let pixels: Uint8ClampedArray<ArrayBuffer> | undefined;
  let canvas: OffscreenCanvasRenderingContext2D | undefined;
  return async () => {
    const found = await videoPixels(video, pixels);
    if (found) {
      pixels = found.data as Uint8ClampedArray<ArrayBuffer>;
      return found;
    }
    const { videoWidth: width, videoHeight: height } = video;
    if (canvas?.canvas.width !== width || canvas.canvas.height !== height)
      canvas = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
    canvas.drawImage(video, 0, 0, width, height);
    return canvas.getImageData(0, 0, width, height);
  };
}

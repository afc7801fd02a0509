// Pictures of a camera as pixels, one at a time, none of them twice.
import { videoPixels } from '../../src/detector/video-frame.ts';

export interface Frames {
  /** How many the camera has shown so far. */
  arrived(): number;
  /**
   * The picture of now, which the next one overwrites; waits for one that was not taken yet.
   * @returns undefined where none comes for so many milliseconds, or the camera is gone
   */
  next(patience: number): Promise<ImageData | undefined>;
  stop(): void;
}

export function framesOf(video: HTMLVideoElement, track: MediaStreamTrack | undefined): Frames {
  let arrived = 0;
  let taken = 0;
  let stopped = false;
  let wake = () => {};
  const count = () => {
    if (stopped) return;
    arrived += 1;
    wake();
    video.requestVideoFrameCallback(count);
  };
  video.requestVideoFrameCallback(count);
  let pixels: Uint8ClampedArray<ArrayBuffer> | undefined;
  let canvas: OffscreenCanvasRenderingContext2D | undefined;
  const take = async (): Promise<ImageData> => {
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
  return {
    arrived: () => arrived,
    async next(patience) {
      if (arrived === taken && !stopped)
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, patience);
        });
      if (stopped || arrived === taken || track?.readyState === 'ended') return undefined;
      taken = arrived;
      return take();
    },
    stop() {
      stopped = true;
      wake();
    },
  };
}

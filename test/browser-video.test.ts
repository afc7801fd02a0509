// A video as an image source, in a browser: the picture that it shows now.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from '../testing/browser/chromium.ts';
import { distance, smallPrompts } from '../testing/browser/fixtures.ts';
import { newContext, openPage, openTestSite, type TestPage } from '../testing/browser/open.ts';
import type { Site } from '../testing/browser/site.ts';

describe.skipIf(!hasChromium())('a video', () => {
  let site: Site;
  let opened: TestPage;
  beforeAll(async () => {
    site = await openTestSite();
    site.files.set('/prompts.safetensors', await smallPrompts(2));
    opened = await openPage(await newContext({ boundsChecks: false }), site);
  });
  afterAll(async () => {
    await opened?.close();
    await site?.close();
  });

  test('detect(video): the picture of now, however the browser hands it over; a typed error before there is one', async () => {
    const found = await opened.page.evaluate(async () => {
      const detector = await faprompt.Detector.load({
        clip: 'weights/small-clip.safetensors',
        prompts: new URL('/prompts.safetensors', location.href),
        worker: false,
        size: 32,
      });
      const video = Object.assign(document.createElement('video'), { muted: true });
      const early = await detector.detect(video, { name: 'camera' }).then(
        () => 'none',
        (error: unknown) =>
          error instanceof faprompt.DetectorError ? `${error.kind}: ${error.message}` : String(error),
      );
      // A stream of one picture, which changes when it is drawn to: a camera's goes on for a moment after pause().
      const [width, height] = [320, 240];
      const canvas = Object.assign(document.createElement('canvas'), { width, height });
      const context = canvas.getContext('2d', { willReadFrequently: true })!;
      const drawn = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!;
      const stream = canvas.captureStream();
      video.srcObject = stream;
      /** Draws a picture of squares, and waits until the video shows it. */
      const show = async (hue: number): Promise<ImageData> => {
        for (let i = 0; i < 12; i++) {
          context.fillStyle = `hsl(${hue + 40 * i} 80% ${20 + 5 * i}%)`;
          context.fillRect(80 * (i % 4), 80 * Math.floor(i / 4), 80, 80);
        }
        const pixels = context.getImageData(0, 0, width, height);
        await video.play();
        const far = () => {
          drawn.drawImage(video, 0, 0);
          const seen = drawn.getImageData(40, 40, 1, 1).data;
          return Math.max(
            ...[0, 1, 2].map((c) => Math.abs(seen[c]! - pixels.data[4 * (40 * width + 40) + c]!)),
          );
        };
        while (far() > 8) await new Promise((resolve) => setTimeout(resolve, 10));
        return pixels;
      };
      const look = async (source: HTMLVideoElement | ImageData) => {
        const { score, map, image } = await detector.detect(source, { name: 'camera' });
        return { score, map: [...map.data], image };
      };
      const views = async (hue: number) => {
        const pixels = await show(hue);
        const shown = await look(video);
        const { VideoFrame } = globalThis;
        Reflect.deleteProperty(globalThis, 'VideoFrame');
        const withoutFrames = await look(video);
        globalThis.VideoFrame = VideoFrame;
        return { shown, withoutFrames, asPixels: await look(pixels) };
      };
      const [first, second] = [await views(0), await views(180)];
      for (const track of stream.getTracks()) track.stop();
      detector.close();
      return { early, first, second };
    });
    expect(found.early).toMatch(/^bad-image: camera: /);
    // Colours of a video are converted in one way or another: a step or two of 255.
    const far = distance(found.first.asPixels.map, found.second.asPixels.map);
    expect(far).toBeGreaterThan(0);
    for (const { asPixels, shown, withoutFrames } of [found.first, found.second])
      for (const view of [shown, withoutFrames]) {
        expect(view.image).toEqual({ width: 320, height: 240 });
        expect(Math.abs(view.score - asPixels.score)).toBeLessThan(0.01);
        expect(distance(view.map, asPixels.map)).toBeLessThan(far / 10);
      }
    expect(opened.complaints).toEqual([]);
  });
});

// A video as an image source, in a browser: the picture that it shows now.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium, testBrowser } from '../testing/browser/chromium.ts';
import { distance, smallPrompts } from '../testing/browser/fixtures.ts';
import { openPage, openTestSite, type TestPage } from '../testing/browser/open.ts';
import type { Site } from '../testing/browser/site.ts';

describe.skipIf(!hasChromium())('a video', () => {
  let site: Site;
  let opened: TestPage;
  beforeAll(async () => {
    site = await openTestSite();
    site.files.set('/prompts.safetensors', await smallPrompts(2));
    const browser = await testBrowser({ boundsChecks: false });
    // Chromium's fake camera: a picture that moves.
    opened = await openPage(await browser.newContext({ permissions: ['camera'] }), site);
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
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } });
      video.srcObject = stream;
      await video.play();
      await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
      video.pause();
      const { videoWidth: width, videoHeight: height } = video;
      const context = new OffscreenCanvas(width, height).getContext('2d')!;
      context.drawImage(video, 0, 0);
      const pixels = context.getImageData(0, 0, width, height);
      const look = async (source: HTMLVideoElement | ImageData) => {
        const { score, map, image } = await detector.detect(source, { name: 'camera' });
        return { score, map: [...map.data], image };
      };
      const shown = await look(video);
      const asPixels = await look(pixels);
      const { VideoFrame } = globalThis;
      Reflect.deleteProperty(globalThis, 'VideoFrame');
      const withoutFrames = await look(video);
      globalThis.VideoFrame = VideoFrame;
      const turned = await look(
        new ImageData(
          pixels.data.map((value, i) => (i % 4 === 3 ? 255 : 255 - value)),
          width,
        ),
      );
      for (const track of stream.getTracks()) track.stop();
      detector.close();
      return { early, shown, asPixels, withoutFrames, turned };
    });
    expect(found.early).toMatch(/^bad-image: camera: /);
    expect(found.shown.image).toEqual({ width: 320, height: 240 });
    // Colours of a video are converted in one way or another: a step or two of 255.
    const far = distance(found.shown.map, found.turned.map);
    for (const same of [found.asPixels, found.withoutFrames]) {
      expect(same.image).toEqual(found.shown.image);
      expect(Math.abs(same.score - found.shown.score)).toBeLessThan(0.01);
      expect(distance(same.map, found.shown.map)).toBeLessThan(far / 10);
    }
    expect(opened.complaints).toEqual([]);
  });
});

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Detection, Detector, Progress } from '../src/detector/api.ts';
import { Detector as NodeDetector } from '../src/detector/index.node.ts';
import { writeSafetensors } from '../src/formats/safetensors.ts';
import { writeTensors } from '../src/formats/safetensors-write.node.ts';
import { quantized } from '../src/model/checkpoint/int8.ts';
import { openClip } from '../src/model/checkpoint/open.node.ts';
import { hasChromium } from '../testing/browser/chromium.ts';
import { distance, drawn, encoded, smallClip, smallPrompts } from '../testing/browser/fixtures.ts';
import { newContext, openPage, openTestSite, type TestPage } from '../testing/browser/open.ts';
import type { Site } from '../testing/browser/site.ts';
import { hasShared, sharedPath } from '../testing/shared.ts';
import { authorsBlip, vocabulary } from './blip-fixtures.ts';

const photograph = 'data/magnetic_tile/meta.json';
const tolerance = 1e-4;

declare global {
  /** The page's detector, between two calls of a test. */
  var detector: Detector;
}

describe.skipIf(!hasChromium())('detector in a browser', () => {
  let site: Site;
  let opened: TestPage;
  /** The same in Node: at 96 pixels, and at the size that most tests use, as it is faster. */
  let full: Detector;
  let node: Detector;
  let images: Record<string, Uint8Array>;
  const origins = new Set<string>();

  beforeAll(async () => {
    site = await openTestSite();
    const prompts = await smallPrompts(3);
    site.files.set('/prompts.safetensors', prompts);
    images = { '/image.png': await encoded.png(), '/image.jpg': await encoded.jpeg() };
    if (hasShared(photograph)) {
      const meta = JSON.parse(await readFile(sharedPath(photograph), 'utf8'));
      const [first] = Object.values(meta.test)[0] as { img_path: string }[];
      images['/photo.jpg'] = await readFile(sharedPath(`data/magnetic_tile/${first!.img_path}`));
    }
    for (const [name, bytes] of Object.entries(images)) site.files.set(name, bytes);
    site.files.set('/broken.png', images['/image.png']!.subarray(0, 9000));
    full = await NodeDetector.load({ clip: smallClip, prompts, size: 96 });
    node = await NodeDetector.load({ clip: smallClip, prompts, size: 48 });
    opened = await openPage(await newContext(), site);
    opened.page.on('request', (request) => origins.add(new URL(request.url()).origin));
  });
  afterAll(async () => {
    full?.close();
    node?.close();
    await opened?.close();
    await site?.close();
  });

  const load = (worker: boolean, size: number) =>
    opened.page.evaluate(
      async ([worker, size]) => {
        const progress: Progress[] = [];
        const warnings: string[] = [];
        globalThis.detector = await faprompt.Detector.load({
          clip: 'weights/small-clip.safetensors',
          prompts: new URL('/prompts.safetensors', location.href),
          worker,
          size,
          progress: (value) => progress.push(value),
          onWarning: ({ kind }) => warnings.push(kind),
        });
        return { progress, warnings, info: detector.info };
      },
      [worker, size] as const,
    );

  const expectSame = (found: { score: number; map: readonly number[] }, expected: Detection) => {
    expect(Math.abs(found.score - expected.score)).toBeLessThan(tolerance);
    expect(distance(found.map, expected.map.data)).toBeLessThan(tolerance);
  };

  test.each([
    ['on the main thread', false, 96],
    ['in a worker', true, 48],
  ])('%s: loads with progress, score and map as in Node', async (_, worker, size) => {
    const reference = size === 96 ? full : node;
    const { progress, warnings, info } = await load(worker, size);
    expect(info).toMatchObject({
      software: true,
      size,
      clip: { patch: 8, sha256: node.info.clip.sha256 },
    });
    expect(info.prompts).toEqual(node.info.prompts);
    expect(warnings).toEqual([]); // the CLIP that ships is trained: no notice
    const read = progress.filter(({ phase }) => phase === 'read');
    const bytes = (await readFile(smallClip)).length + (await smallPrompts(3)).length;
    expect(read.at(-1)).toMatchObject({ done: bytes, total: bytes });
    for (const phase of ['read', 'compile'] as const) {
      const done = progress.filter((value) => value.phase === phase).map((value) => value.done);
      expect(done.length).toBeGreaterThan(2);
      expect(done).toEqual([...done].sort((a, b) => a - b));
    }
    for (const [name, bytes] of Object.entries(images)) {
      const found = await opened.page.evaluate(async (name) => {
        const phases: string[] = [];
        const { map, ...rest } = await detector.detect(name, {
          progress: (value) => phases.push(value.phase),
        });
        return { ...rest, map: [...map.data], side: [map.width, map.height], phases };
      }, name);
      const expected = await reference.detect(bytes);
      expectSame(found, expected);
      expect(found).toMatchObject({
        image: expected.image,
        anomalous: expected.anomalous,
        side: [size, size],
      });
      expect(found.phases).toContain('compute');
    }
    if (!worker) await opened.page.evaluate(() => detector.close());
  });

  // The detector of the worker from here on.
  test('every kind of image source', async () => {
    const { image } = drawn();
    const found = await opened.page.evaluate(
      async (rgb) => {
        const blob = await (await fetch('/image.png')).blob();
        const element = new Image();
        element.src = '/image.png';
        await element.decode();
        const canvas = Object.assign(document.createElement('canvas'), {
          width: rgb.width,
          height: rgb.height,
        });
        const context = canvas.getContext('2d')!;
        context.drawImage(element, 0, 0);
        const offscreen = new OffscreenCanvas(rgb.width, rgb.height);
        offscreen.getContext('2d')!.drawImage(element, 0, 0);
        const bitmap = await createImageBitmap(blob);
        const sources = {
          blob,
          element,
          canvas,
          offscreen,
          bitmap,
          file: new File([blob], 'name.png'),
          bytes: new Uint8Array(await blob.arrayBuffer()),
          data: context.getImageData(0, 0, rgb.width, rgb.height),
          pixels: { ...rgb, data: Uint8Array.from(rgb.data) },
        };
        const results = await Promise.all(
          Object.entries(sources).map(async ([name, source]) => {
            const { score, map } = await detector.detect(source);
            return [name, { score, map: [...map.data] }] as const;
          }),
        );
        return { results, bitmapKept: bitmap.width };
      },
      { ...image, data: [...image.data] },
    );
    const expected = await node.detect(images['/image.png']!);
    expect(found.results).toHaveLength(9);
    for (const [, result] of found.results) expectSame(result, expected);
    expect(found.bitmapKept).toBe(image.width);
  });

  test('a bad image is named, and the others go on', async () => {
    const found = await opened.page.evaluate(() =>
      Promise.all(
        ['/image.png', '/broken.png', '/none.png', '/image.jpg'].map((name) =>
          detector.detect(name).then(
            ({ score }) => ({ score }),
            ({ name, kind, message, file, hint }) => ({ name, kind, message, file, hint }),
          ),
        ),
      ),
    );
    expect(found[0]).toMatchObject({ score: expect.any(Number) });
    expect(found[1]).toMatchObject({ name: 'DetectorError', kind: 'bad-image', file: '/broken.png' });
    expect(found[2]).toMatchObject({ kind: 'network', hint: expect.stringContaining('address') });
    expect(found[2]).toMatchObject({ message: expect.stringContaining('404') });
    expect(found[3]).toMatchObject({ score: expect.any(Number) });
  });

  test('an abort ends a job with its reason, running or waiting, and the next one works', async () => {
    const found = await opened.page.evaluate(async () => {
      const control = new AbortController();
      const running = detector.detect('/image.png', {
        signal: control.signal,
        progress: ({ phase }) => phase === 'compute' && control.abort(new Error('enough')),
      });
      const late = new AbortController();
      const waiting = detector.detect('/image.png', { signal: late.signal });
      late.abort(new Error('too late'));
      const reasons = await Promise.all(
        [running, waiting].map((job) => job.then(String, (error) => error.message)),
      );
      return [...reasons, (await detector.detect('/image.png')).score];
    });
    const { score } = await node.detect(images['/image.png']!);
    expect(found).toEqual(['enough', 'too late', expect.closeTo(score, 4)]);
  });

  test('other prompts, and back; prompts of another CLIP are refused and change nothing', async () => {
    const [many, few] = [await smallPrompts(3), await smallPrompts(2)];
    const found = await opened.page.evaluate(
      async ([many, few]) => {
        const score = async () => (await detector.detect('/image.png')).score;
        await detector.setPrompts(Uint8Array.from(few!), { size: 48 });
        const other = await score();
        const refused = await detector.setPrompts('weights/small-clip.safetensors').catch(({ kind }) => kind);
        const same = await score();
        await detector.setPrompts(new Blob([Uint8Array.from(many!)]), { size: 48 });
        return { other, refused, same, back: await score() };
      },
      [[...many], [...few]],
    );
    const before = (await node.detect(images['/image.png']!)).score;
    await node.setPrompts(few, { size: 48 });
    const after = (await node.detect(images['/image.png']!)).score;
    await node.setPrompts(many, { size: 48 });
    expect(Math.abs(before - after)).toBeGreaterThan(10 * tolerance);
    expect(found.refused).toBe('bad-prompts');
    expect(found.other).toBeCloseTo(after, 4);
    expect(found.same).toBeCloseTo(after, 4);
    expect(found.back).toBeCloseTo(before, 4);
  });

  test('plain CLIP classifies as in Node', async () => {
    const texts = ['a scratched surface', 'a photo of a flawless cloth'];
    const found = await opened.page.evaluate(async (texts) => {
      const unknown = await detector
        .classify('/image.png', ['xylophone', 'object'])
        .catch(({ kind }) => kind);
      return { results: await detector.classify('/image.png', texts), unknown };
    }, texts);
    const expected = await node.classify(images['/image.png']!, texts);
    expect(found.unknown).toBe('bad-text');
    found.results.forEach(({ text, probability, cosine }, i) => {
      expect(text).toBe(texts[i]);
      expect(probability).toBeCloseTo(expected[i]!.probability, 4);
      expect(cosine).toBeCloseTo(expected[i]!.cosine, 5);
    });
  });

  test("a BLIP classifies by BERT's vocabulary as in Node", async () => {
    const texts = ['a photo of a object', 'damaged objects'];
    const [clip, words] = [writeSafetensors(authorsBlip()), new TextEncoder().encode(vocabulary.join('\n'))];
    site.files.set('/blip.safetensors', clip);
    site.files.set('/vocab.txt', words);
    const inNode = await NodeDetector.load({ clip });
    const expected = await inNode.classify(images['/image.png']!, texts, { vocabulary: words });
    inNode.close();
    const found = await opened.page.evaluate(async (texts) => {
      const detector = await faprompt.Detector.load({ clip: '/blip.safetensors' });
      const without = await detector.classify('/image.png', texts).catch(({ kind, hint }) => [kind, hint]);
      const results = await detector.classify('/image.png', texts, { vocabulary: '/vocab.txt' });
      detector.close();
      return { without, results };
    }, texts);
    expect(found.without).toEqual(['bad-text', expect.stringContaining("BERT's vocab.txt")]);
    expect(found.results.map(({ text }) => text)).toEqual(texts);
    found.results.forEach(({ cosine }, i) => {
      expect(cosine).toBeCloseTo(expected[i]!.cosine, 5);
    });
  });

  test('int8 weights give what they give in Node', async () => {
    const { file, close } = await openClip(smallClip);
    const folder = await mkdtemp(path.join(os.tmpdir(), 'faprompt-int8-'));
    try {
      const small = path.join(folder, 'int8.safetensors');
      await writeTensors(small, quantized(file), { metadata: Object.fromEntries(file.metadata) });
      const bytes = await readFile(small);
      site.files.set('/int8.safetensors', bytes);
      const options = { size: 48, allowOtherClip: true };
      const found = await opened.page.evaluate(async (options) => {
        const detector = await faprompt.Detector.load({
          clip: '/int8.safetensors',
          prompts: new URL('/prompts.safetensors', location.href),
          ...options,
        });
        const { score, map } = await detector.detect('/image.png');
        detector.close();
        return { score, map: [...map.data] };
      }, options);
      const prompts = await smallPrompts(3);
      const same = await NodeDetector.load({ clip: small, prompts, ...options });
      const expected = await same.detect(images['/image.png']!);
      same.close();
      expectSame(found, expected);
      const whole = await node.detect(images['/image.png']!);
      expect(distance(found.map, whole.map.data)).toBeGreaterThan(1e-6); // it is not the f16 file
      expect(bytes.length).toBeLessThan(0.65 * (await readFile(smallClip)).length);
    } finally {
      await close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('nothing left the page, nothing broke its policy, and a closed detector says so', async () => {
    const kind = await opened.page.evaluate(async () => {
      const late = detector.detect('/image.png').catch(({ kind }) => kind);
      detector.close();
      return [await late, await detector.detect('/image.png').catch(({ kind }) => kind)];
    });
    expect(kind).toEqual(['closed', 'closed']);
    expect([...origins]).toEqual([site.url]);
    expect(opened.complaints.filter((text) => !text.includes('404'))).toEqual([]);
  });
});

// A handful of the matrix in a browser: each preset trains two steps there, detects with what it learned, and the command
// line reads the prompts.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Detector as Loaded } from '../src/detector/api.ts';
import { type PresetName, presetNames } from '../src/model/faprompt/options.ts';
import { hasChromium } from '../testing/browser/chromium.ts';
import { newContext, openPage, openTestSite, type TestPage } from '../testing/browser/open.ts';
import type { Site } from '../testing/browser/site.ts';
import { type MatrixFixture, matrixFixture } from './matrix/fixture.ts';
import { cli } from './train-fixtures.ts';

/** Besides the presets: what changes the graph most. */
const others = [
  { crossEntropy: false, scoreLoss: 'prob' },
  { map1Weight: 0, map2Weight: 0 },
  { prior: false, aggregate: 'best' },
] as const;

describe.skipIf(!hasChromium())('the matrix in a browser', () => {
  let site: Site;
  let opened: TestPage;
  let fixture: MatrixFixture;
  let samples: { image: string; mask?: string }[];
  beforeAll(async () => {
    fixture = await matrixFixture();
    site = await openTestSite();
    site.files.set('/clip.safetensors', await readFile(fixture.clip));
    const serve = async (file: string) => {
      const name = `/${path.relative(fixture.dir, file)}`;
      site.files.set(name, await readFile(file));
      return name;
    };
    samples = [];
    for (const { image, mask } of fixture.samples)
      samples.push({ image: await serve(image), ...(mask ? { mask: await serve(mask) } : {}) });
    opened = await openPage(await newContext(), site);
    // One for all: pipelines are compiled once.
    await opened.page.evaluate(async () => {
      Object.assign(window, { loaded: await faprompt.Detector.load({ clip: '/clip.safetensors' }) });
    });
  });
  afterAll(async () => {
    await opened?.close();
    await site?.close();
    await fixture?.remove();
  });

  const cases: { preset?: PresetName; options?: Record<string, unknown> }[] = [
    ...presetNames.map((preset) => ({ preset })),
    ...(process.env.FAPROMPT_TESTS === 'full' ? others : others.slice(0, 1)).map((options) => ({
      options: { ...options },
    })),
  ];
  test.each(cases.map((each) => [JSON.stringify(each), each] as const))('%s', async (_, given) => {
    const found = await opened.page.evaluate(
      async ({ samples, given }) => {
        const { loaded: detector } = window as unknown as { loaded: Loaded };
        const losses: number[] = [];
        const result = await detector.train({
          ...(given as object),
          samples,
          batch: 4,
          epochs: 1,
          onStep: ({ losses: terms }) => losses.push(terms.total!),
        }).result;
        await detector.setPrompts(result.prompts);
        const { score } = await detector.detect(samples[0]!.image);
        return { losses, score, prompts: [...result.prompts] };
      },
      { samples, given },
    );
    expect(found.losses).toHaveLength(2);
    expect(found.losses.every(Number.isFinite)).toBe(true);
    const prompts = fixture.at('from-browser.safetensors');
    await writeFile(prompts, Uint8Array.from(found.prompts));
    const image = fixture.samples[0]!.image;
    const { code, note, out } = await cli([
      ...['detect', image, '--json-lines', '--clip', fixture.clip, '--prompts', prompts, '--no-cache'],
    ]);
    expect(code, note).toBe(0);
    expect(Math.abs(JSON.parse(out).score - found.score)).toBeLessThan(1e-3);
  });
});

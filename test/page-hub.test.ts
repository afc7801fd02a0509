// A CLIP by one click, from a hub on localhost: progress, a cut that goes on, what is stored, words instead of training.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Detector } from '../src/detector/index.node.ts';
import { writeSafetensors } from '../src/formats/safetensors.ts';
import { clipConfig } from '../src/model/clip/config.ts';
import { hasChromium } from '../testing/browser/chromium.ts';
import { type PageHub, startPageHub } from '../testing/page-hub.ts';
import { asOpenClip, tinyWeights } from './clip-files.ts';
import { tile } from './page/images.ts';
import { inspected, numbers, openPageSite, type PageSite, visit, written } from './page/site.ts';
import { tinyWeights as tinyPage } from './page/tiny-weights.ts';

/** With OpenAI's vocabulary, as CLIPs of the hub have it. */
const config = clipConfig({
  visionWidth: 64,
  visionLayers: 2,
  patch: 16,
  grid: 4,
  textWidth: 64,
  textLayers: 1,
  contextLength: 77,
  vocabSize: 49408,
  embedDim: 32,
});
const repo = 'laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K';

describe.skipIf(!hasChromium())('the page: CLIPs of a hub', () => {
  let site: PageSite;
  let hub: PageHub;
  let weights: Uint8Array;
  beforeAll(async () => {
    weights = writeSafetensors(asOpenClip(tinyWeights(config)));
    hub = await startPageHub({
      [`${repo}/open_clip_model.safetensors`]: weights,
      [`${repo}/open_clip_config.json`]: new TextEncoder().encode(
        JSON.stringify({ model_cfg: { embed_dim: 32, vision_cfg: {}, text_cfg: {} } }),
      ),
      'openai/clip-vit-base-patch32/model.safetensors': weights,
    });
    site = await openPageSite(await tinyPage());
  });
  afterAll(async () => {
    await hub?.close();
    await site?.close();
  });

  test('one click: downloaded, goes on after a cut, kept, used; words say what the parts are', async () => {
    const { page, context, complaints } = await visit(site);
    await page.click('.sample');
    await inspected(page, 1);
    await page.click('nav >> text=Model');
    await page.click('summary >> text=Where from');
    await page.getByLabel('Hub', { exact: true }).fill(hub.url);
    await page.click('text=Use this hub');
    const row = page.locator('.known li', { hasText: 'ViT-B-32/datacomp' });
    // Nobody has said how large it is: by its family.
    expect(await row.innerText()).toContain('about 605 MB · licence MIT');
    // Measured with the sample.
    expect(await page.locator('.known li', { hasText: 'ViT-L/14' }).first().innerText()).toMatch(
      /1\.7 GB · licence MIT · up to about .* a photograph here/,
    );

    // The file is not what its name promises.
    await page.getByRole('button', { name: /: ViT-B\/32$/ }).click();
    await page.waitForSelector('[role=alert] >> text=is not the file that was expected');

    // Cut in the middle, three times: it goes on by itself.
    const served = hub.files.get(`${repo}/open_clip_model.safetensors`)!;
    served.faults = { cutAfter: (request) => (request < 3 ? 4_000_000 : undefined) };
    await row.getByRole('button').click();
    await row.locator('text=In use').waitFor();
    expect(served.requests.filter(({ range }) => range?.startsWith('bytes=')).length).toBeGreaterThan(0);
    await row.locator('text=on this device already').waitFor(); // the list of what is stored is read again after the model is in use
    expect(await page.locator('.facts').innerText()).toContain('no training');

    await page.getByLabel('No training: say what the parts are').fill('floor tile');
    await page.click('text=Use these words');
    await page.waitForFunction(() => document.querySelector('.facts')!.textContent!.includes('“floor tile”'));
    await page.click('nav >> text=Inspect');
    await inspected(page, 1);
    await page.click('text=Start over');
    const part = await tile('part.png');
    await page.setInputFiles('.welcome input[multiple]', part);
    await inspected(page, 1);
    const [found] = (await numbers(page)).images;

    const node = await Detector.load({
      clip: new URL(`${hub.url}/${repo}/resolve/main/open_clip_model.safetensors`),
      prompts: { object: 'floor tile', vocabulary: await readFile('weights/clip-merges.txt.gz') },
    });
    const expected = await node.detect(part.buffer);
    node.close();
    expect(found!.score).toBeCloseTo(expected.score, 4);

    // Everything is there after a reload, without the hub.
    served.faults = { status: () => 503 };
    await written(page);
    await page.reload();
    await inspected(page, 1);
    await page.setInputFiles('input[multiple]', await tile('another.png', { seed: 5 }));
    await inspected(page, 2);
    expect(complaints.filter((text) => !/503|ERR_/.test(text))).toEqual([]);
    await context.close();
  });
});

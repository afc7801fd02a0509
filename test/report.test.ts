import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EvalSample } from '../src/eval/index.ts';
import { createExamples } from '../src/report/examples.ts';
import { html } from '../src/report/html.ts';
import { scorePlot } from '../src/report/plots.ts';
import { cli, makeFixtures, tinyOptions } from './train-fixtures.ts';

describe('html', () => {
  it('escapes values in elements and attributes, and keeps markup', () => {
    const name = `<script>"it's" & more</script>`;
    const inner = html`<b title="${name}">${name}</b>`;
    expect(html`<p>${inner}${[html`<i>${1}</i>`, html`<i>${2}</i>`]}</p>`.text).toBe(
      '<p><b title="&lt;script&gt;&quot;it&apos;s&quot; &amp; more&lt;/script&gt;">' +
        '&lt;script&gt;&quot;it&apos;s&quot; &amp; more&lt;/script&gt;</b><i>1</i><i>2</i></p>',
    );
  });
});

describe('examples', () => {
  const sample = (anomalous: boolean, score: number, map?: number[], mask?: number[]): EvalSample => ({
    anomalous,
    score,
    width: 3,
    height: 1,
    map: map ? Float32Array.from(map) : null,
    mask: mask ? Uint8Array.from(mask) : null,
  });
  const names = (found: readonly { file: string }[]) => found.map(({ file }) => file).join('');

  it('are the most wrong by score, the best and the worst by their pixels', () => {
    const examples = createExamples(2);
    const add = (file: string, given: EvalSample) => examples.add(file, 'x', given);
    add('a', sample(false, 0.1, [0.2, 0.2, 0.2]));
    add('b', sample(false, 0.7, [0.2, 0.2, 0.3]));
    add('c', sample(false, 0.4, [0.2, 0.2, 0.2]));
    add('d', sample(true, 0.3, [0.1, 0.9, 0.2], [0, 1, 0]));
    add('e', sample(true, 0.8, [0.8, 0.1, 0.2], [0, 1, 0]));
    add('f', sample(true, 0.5, [0.8, 0.7, 0.2], [0, 1, 0]));
    add('g', sample(true, 0.2, [0.1, 0.1, 0.1], [0, 0, 0]));
    const { falseAlarms, misses, best, worst, range } = examples.result();
    expect([falseAlarms, misses, best, worst].map(names)).toEqual(['bc', 'gd', 'df', 'ef']);
    expect(best[0]!.pixelAp).toBe(1);
    expect(worst[0]!.pixelAp).toBeCloseTo(1 / 3, 12);
    expect(range.map(Math.fround)).toEqual([0.1, 0.9].map(Math.fround));
  });

  it('without masks are the surest', () => {
    const examples = createExamples(1);
    examples.add('a', 'x', sample(true, 0.3));
    examples.add('b', 'x', sample(true, 0.9));
    const { best, worst, range } = examples.result();
    expect([names(best), names(worst), range]).toEqual(['b', '', [0, 1]]);
  });
});

describe('plots', () => {
  it('are SVG with a description, whatever the text in them', async () => {
    const { text } = await scorePlot([{ score: 0.5, anomalous: true }], 'a < b', '"1" image');
    expect(text).toMatch(/^<figure class="plot"><div role="img" aria-label="a &lt; b: &quot;1&quot; image">/);
    expect(text).toContain('<svg');
    expect(text).not.toContain('<script');
    expect(text).toContain('currentColor');
  });
});

describe('faprompt eval --report', () => {
  let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
  const at = (...parts: string[]) => path.join(fixtures.dir, ...parts);
  beforeAll(async () => {
    fixtures = await makeFixtures();
  });
  afterAll(() => fixtures.remove());

  it('writes one page that needs nothing else', async () => {
    const { clip, data } = fixtures;
    const cache = ['--cache', at('cache')];
    const given = ['--data', data, '--clip', clip, ...cache];
    const trained = await cli(['train', ...given, '--out', at('run'), '--epochs', '1', ...tinyOptions]);
    expect(trained.code, trained.note).toBe(0);
    // A file name and a class that would be markup, and an image that cannot be read.
    const meta = JSON.parse(await readFile(path.join(data, 'meta.json'), 'utf8'));
    const [name, entries] = Object.entries(meta.test)[0] as [
      string,
      { img_path: string; cls_name: string }[],
    ];
    const odd = 'weave/test/<img src=x onerror=alert(1)>.png';
    await writeFile(path.join(data, 'odd.png'), await readFile(path.join(data, entries[0]!.img_path)));
    await rm(path.join(data, entries[0]!.img_path));
    const copy = path.join(data, path.dirname(odd), path.basename(odd));
    await writeFile(copy, await readFile(path.join(data, 'odd.png')));
    entries[0]!.img_path = odd;
    await writeFile(path.join(data, entries[1]!.img_path), 'no image');
    for (const entry of entries) entry.cls_name = 'a<b';
    await writeFile(path.join(data, 'meta.json'), JSON.stringify({ train: {}, test: { 'a<b': entries } }));

    const evaluated = await cli([
      ...['eval', ...given, '--prompts', at('run', 'prompts.safetensors')],
      ...['--report', at('report'), '--bootstrap', '20', '--json', at('metrics.json')],
    ]);
    expect(evaluated.code, evaluated.note).toBe(1); // one image could not be read
    const page = await readFile(at('report', 'report.html'), 'utf8');
    expect(name).toBe('weave');
    expect(page).not.toMatch(/<script|<img src=x|<link|https?:\/\/(?!www\.w3\.org)/);
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;.png');
    expect(page).toContain('<h3>a&lt;b</h3>');
    expect(page.match(/<svg/g)).toHaveLength(4);
    expect(page).toContain(path.basename(entries[1]!.img_path));
    const metrics = JSON.parse(await readFile(at('metrics.json'), 'utf8'));
    const { imageAuroc } = metrics.mean.metrics;
    expect(page).toContain(`<td>${(100 * imageAuroc).toFixed(1)}<small>`);
    expect(metrics.classes[0].curves.image.at(-1)).toEqual({ fpr: 1, tpr: 1, overlap: 0 });
    for (const text of ['Most wrong: false alarms', 'Most wrong: misses', 'Best', 'Worst'])
      expect(page).toContain(`<h3>${text}</h3>`);
    for (const text of ['sha256', 'orthogonalWeight', 'faprompt', process.version])
      expect(page).toContain(text);

    const pictures = [...page.matchAll(/src="data:image\/webp;base64,([^"]+)"/g)].map(([, bytes]) => bytes!);
    expect(pictures.length).toBeGreaterThan(3 * 8);
    const { width, height } = await sharp(Buffer.from(pictures[1]!, 'base64')).metadata();
    expect([width, height]).toEqual([200, 200]);
  });
});

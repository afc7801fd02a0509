// The library as another project gets it: through package.json's `exports`, from the files that are shipped.
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildLibrary } from '../scripts/library.mjs';
import { Detector, DetectorError } from '../src/detector/index.node.ts';
import { hasChromium } from './browser/chromium.ts';
import { encoded, smallClip, smallPrompts } from './browser/fixtures.ts';
import { newContext } from './browser/open.ts';
import { openSite, type Site } from './browser/site.ts';
import { hasEsbuild } from './esbuild.ts';

const root = path.resolve(import.meta.dirname, '..');
const run = promisify(execFile);
/** A project that has the library as a dependency. */
let project = '';
const inProject = (...names: string[]) => path.join(project, ...names);

describe.skipIf(!hasEsbuild())('the library, built', () => {
  beforeAll(async () => {
    await buildLibrary();
    project = await mkdtemp(path.join(os.tmpdir(), 'faprompt-project-'));
    await mkdir(inProject('node_modules'));
    await symlink(root, inProject('node_modules/faprompt'));
    await writeFile(inProject('package.json'), '{ "type": "module" }');
    for (const name of ['detect.html', 'detect.js'])
      await copyFile(path.join(root, 'examples', name), inProject(name));
    await writeFile(inProject('prompts.safetensors'), await smallPrompts());
    await writeFile(inProject('photo.png'), await encoded.png());
  });
  afterAll(() => rm(project, { recursive: true, force: true }));

  /** The reference: the library's source on this process's device. */
  async function expected(): Promise<{ score: number; map: Float32Array }> {
    const detector = await Detector.load({ clip: smallClip, prompts: inProject('prompts.safetensors') });
    const { score, map } = await detector.detect(inProject('photo.png'));
    detector.close();
    return { score, map: map.data };
  }

  test('the bundle for browsers is under 150 kB gzipped and names no module of Node', async () => {
    const { stdout } = await run(process.execPath, ['scripts/size.mjs'], { cwd: root });
    const total = Number(/all files +[\d.]+ +([\d.]+)/.exec(stdout)![1]);
    expect(total).toBeGreaterThan(20);
    expect(total).toBeLessThan(150);
    for (const file of (await readdir(path.join(root, 'dist/lib'))).filter((name) => /\.js$/.test(name))) {
      if (/node/.test(file)) continue;
      const text = await readFile(path.join(root, 'dist/lib', file), 'utf8');
      expect(
        /(from|import\() ?["'](node:|webgpu|sharp|undici)|\brequire\(|\bprocess\./.test(text),
        file,
      ).toBe(false);
    }
  });

  test.each(['bundler', 'nodenext'])('types are found and hold (moduleResolution %s)', async (resolution) => {
    const types = `import { Detector, DetectorError, trainPrompts, type Detection } from 'faprompt';
const detector: Detector = await Detector.load({ clip: 'a', prompts: new Blob() });
const found: Detection = await detector.detect('b', { signal: new AbortController().signal });
export const values: Float32Array = found.map.data;
export const kind = (error: unknown) => (error instanceof DetectorError ? error.kind === 'bad-image' : false);
export const prompts: Uint8Array = (await trainPrompts({ clip: 'a', samples: [] }).result).prompts;
// @ts-expect-error
await detector.detect(3);
`;
    await writeFile(inProject('use.ts'), types);
    const options = {
      target: 'es2022',
      module: resolution === 'bundler' ? 'esnext' : 'nodenext',
      moduleResolution: resolution,
      lib: ['es2022'],
      types: [],
      strict: true,
      noEmit: true,
    };
    const config = { compilerOptions: options, files: ['use.ts'] };
    await writeFile(inProject('tsconfig.json'), JSON.stringify(config));
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    const { stdout } = await run(process.execPath, [tsc, '-p', project]).catch((error) => error);
    expect(stdout).toBe('');
  });

  test('in Node, from another project', async () => {
    const script = `import { Detector } from 'faprompt';
const detector = await Detector.load({ clip: ${JSON.stringify(smallClip)}, prompts: 'prompts.safetensors' });
const { score, map } = await detector.detect('photo.png');
console.log(JSON.stringify({ score, map: [...map.data] }));
detector.close();`;
    await writeFile(inProject('detect-in-node.js'), script);
    const { stdout } = await run(process.execPath, ['detect-in-node.js'], { cwd: project, maxBuffer: 1e8 });
    const { score, map } = JSON.parse(stdout) as { score: number; map: number[] };
    const want = await expected();
    expect(score).toBe(want.score);
    expect(map).toEqual([...want.map]);
  });

  test('failures in Node are typed and name the file', async () => {
    await expect(Detector.load({ clip: inProject('none.safetensors') })).rejects.toThrow(DetectorError);
    await expect(Detector.load({ clip: inProject('photo.png') })).rejects.toMatchObject({
      kind: 'bad-weights',
      file: inProject('photo.png'),
    });
    const detector = await Detector.load({ clip: smallClip });
    await expect(detector.detect(inProject('photo.png'))).rejects.toMatchObject({ kind: 'bad-prompts' });
    await expect(detector.setPrompts(smallClip)).rejects.toMatchObject({ kind: 'bad-prompts' });
    await detector.setPrompts(inProject('prompts.safetensors'));
    await expect(detector.detect(inProject('package.json'))).rejects.toMatchObject({
      kind: 'bad-image',
      file: inProject('package.json'),
    });
    detector.close();
    await expect(detector.detect(inProject('photo.png'))).rejects.toMatchObject({ kind: 'closed' });
  });

  test('the README has the example word by word', async () => {
    const readme = await readFile(path.join(root, 'README.md'), 'utf8');
    const example = await readFile(path.join(root, 'examples/detect.js'), 'utf8');
    expect(readme.includes(example)).toBe(true);
  });

  describe.skipIf(!hasChromium())('the example in a browser', () => {
    let site: Site;
    beforeAll(async () => {
      await build({
        root: project,
        base: './',
        configFile: false,
        logLevel: 'error',
        worker: { format: 'es' },
        build: { target: 'es2022', rolldownOptions: { input: inProject('detect.html') } },
      });
      site = await openSite({ '/some/where/': inProject('dist') });
      site.files.set('/some/where/clip.safetensors', await readFile(smallClip));
      site.files.set('/some/where/prompts.safetensors', await smallPrompts());
    });
    afterAll(() => site?.close());

    test('bundled by Vite, under a strict policy, below a path: the score and map of Node', async () => {
      const context = await newContext();
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(`${site.url}/some/where/detect.html`);
      await page.waitForFunction(() => typeof document.querySelector('input')?.onchange === 'function');
      await page.locator('input').setInputFiles(inProject('photo.png'));
      await page.waitForFunction(() => document.querySelector('output')?.value !== '');
      const want = await expected();
      const shown = await page.evaluate((side) => {
        const canvas = document.querySelector('canvas')!;
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, side, side);
        return {
          score: document.querySelector('output')!.value,
          alpha: Array.from({ length: side * side }, (_, i) => data[4 * i + 3]!),
        };
      }, Math.sqrt(want.map.length));
      expect(shown.score).toBe(want.score.toFixed(4));
      shown.alpha.forEach((alpha, i) => {
        expect(Math.abs(alpha - 255 * want.map[i]!)).toBeLessThan(1.01);
      });
      expect(complaints.filter((text) => !/favicon/.test(text))).toEqual([]);
      expect(site.requests.every((name) => name.startsWith('/some/where/') || name === '/favicon.ico')).toBe(
        true,
      );
      await context.close();
    });
  });
});

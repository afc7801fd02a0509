// The library as another project gets it: through package.json's `exports`, from the files that are shipped.
import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { build as esbuild } from 'esbuild';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildLibrary } from '../scripts/library.mjs';
import { Detector, DetectorError, type Warning } from '../src/detector/index.node.ts';
import { writeSafetensors } from '../src/formats/safetensors.ts';
import { clipConfig } from '../src/model/clip/config.ts';
import { hasChromium } from '../testing/browser/chromium.ts';
import { encoded, smallClip, smallPrompts } from '../testing/browser/fixtures.ts';
import { newContext } from '../testing/browser/open.ts';
import { openSite, type Site, strictPolicy } from '../testing/browser/site.ts';
import { hasEsbuild } from '../testing/esbuild.ts';
import { tinyWeights } from './clip-files.ts';

const root = path.resolve(import.meta.dirname, '..');
const run = promisify(execFile);
/** The package as it is installed, beside this project's packages: its own `dist` is left alone. */
let installed = '';
const inPackage = (...names: string[]) => path.join(installed, ...names);
/** A project that has the library as a dependency. */
let project = '';
const inProject = (...names: string[]) => path.join(project, ...names);

/** With OpenAI's vocabulary, as other CLIPs have it. */
const otherConfig = clipConfig({
  ...{ visionWidth: 64, visionLayers: 2, patch: 16, grid: 4, textWidth: 64, textLayers: 1 },
  ...{ contextLength: 77, vocabSize: 49408, embedDim: 32 },
});
const texts = ['a scratched cloth', 'a photo of a flawless cloth'];
/** A page that knows nothing of words. */
const otherPage = `import { Detector } from 'faprompt';
const said = [];
const detector = await Detector.load({ clip: '/other.safetensors', onWarning: ({ message }) => said.push(message) });
globalThis.look = async (texts) => {
  const { score } = await detector.detect('/photo.png');
  const named = detector.info.prompts !== undefined;
  await detector.setPrompts({ object: 'woven cloth' });
  const about = (await detector.detect('/photo.png')).score;
  return { score, named, about, said, cosines: (await detector.classify('/photo.png', texts)).map(({ cosine }) => cosine) };
};`;

describe.skipIf(!hasEsbuild())('the library, built', () => {
  beforeAll(async () => {
    installed = await mkdtemp(path.join(root, 'node_modules/.faprompt-package-'));
    for (const part of ['package.json', 'bin', 'weights', 'scripts'])
      await cp(path.join(root, part), inPackage(part), { recursive: true });
    await buildLibrary(inPackage('dist'));
    project = await mkdtemp(path.join(os.tmpdir(), 'faprompt-project-'));
    await mkdir(inProject('node_modules'));
    await symlink(installed, inProject('node_modules/faprompt'));
    await writeFile(inProject('package.json'), '{ "type": "module" }');
    for (const name of ['detect.html', 'detect.js', 'detect-node.mjs', 'two-clips-node.mjs'])
      await copyFile(path.join(root, 'examples', name), inProject(name));
    await writeFile(inProject('prompts.safetensors'), await smallPrompts());
    await writeFile(inProject('photo.png'), await encoded.png());
    await writeFile(inProject('other.safetensors'), writeSafetensors(tinyWeights(otherConfig)));
    await writeFile(inProject('other.html'), '<script type="module" src="other.js"></script>');
    await writeFile(inProject('other.js'), otherPage);
  });
  afterAll(async () => {
    for (const folder of [project, installed]) await rm(folder, { recursive: true, force: true });
  });

  /** The reference: the library's source on this process's device. */
  let reference: Promise<{ score: number; map: Float32Array }> | undefined;
  const expected = () => {
    reference ??= (async () => {
      const detector = await Detector.load();
      const { score, map } = await detector.detect(inProject('photo.png'));
      detector.close();
      return { score, map: map.data };
    })();
    return reference;
  };

  test('the bundle for browsers is under 150 kB gzipped and names no module of Node', async () => {
    const { stdout } = await run(process.execPath, ['scripts/size.mjs'], { cwd: root });
    const loads = [
      'page and worker',
      'page with the worker that it carries',
      'page with worker: false, all of it',
    ];
    for (const name of loads) {
      const [, bytes] = new RegExp(`^${name} +[\\d.]+ +([\\d.]+)`, 'm').exec(stdout)!;
      expect(Number(bytes), name).toBeGreaterThan(20);
      expect(Number(bytes), name).toBeLessThan(150);
    }
    const scripts = (await readdir(inPackage('dist/browser'))).filter((name) => /\.js$/.test(name));
    expect(scripts.length).toBeGreaterThan(3);
    for (const file of scripts) {
      const text = await readFile(inPackage('dist/browser', file), 'utf8');
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
const detector = await Detector.load();
const { score, map } = await detector.detect('photo.png');
console.log(JSON.stringify({ score, map: [...map.data] }));
detector.close();`;
    await writeFile(inProject('detect-in-node.js'), script);
    const { stdout } = await run(process.execPath, ['detect-in-node.js'], { cwd: project, maxBuffer: 1e8 });
    const { score, map } = JSON.parse(stdout) as { score: number; map: number[] };
    const want = await expected();
    expect(score).toBe(want.score);
    expect(map).toEqual([...want.map]);
    const example = await run(process.execPath, ['detect-node.mjs'], { cwd: project });
    expect(example.stdout.trim()).toBe(want.score.toFixed(4));
  });

  test('the example of two CLIPs has the mean of both', async () => {
    const photos = await Detector.load({
      clip: path.join(root, 'weights/photo-clip.safetensors'),
      prompts: { method: 'pair' },
    });
    const { score, map } = await photos.detect(inProject('photo.png'));
    photos.close();
    const small = await expected();
    const mean = small.map.map((value, i) => (value + map.data[i]!) / 2);
    const strongest = mean.indexOf(Math.max(...mean));
    const place = [strongest % map.width, Math.floor(strongest / map.width)].map((at) =>
      Math.round((100 * (at + 0.5)) / map.width),
    );
    const args = ['two-clips-node.mjs', 'photo.png', 'photo.png'];
    const { stdout } = await run(process.execPath, args, { cwd: project });
    const line = `photo.png  score ${((small.score + score) / 2).toFixed(4)}  strongest at ${place[0]} % from the left, ${place[1]} % from the top\n`;
    expect(stdout).toBe(line.repeat(2));
  });

  test('in Node by require', async () => {
    const script = `const { Detector, DetectorError } = require('faprompt');
(async () => {
  const detector = await Detector.load();
  console.log((await detector.detect('photo.png')).score);
  console.log(await detector.detect('nothing.png').catch((error) => error instanceof DetectorError && error.kind));
  detector.close();
})();`;
    await writeFile(inProject('detect.cjs'), script);
    const { stdout } = await run(process.execPath, ['detect.cjs'], { cwd: project });
    expect(stdout).toBe(`${(await expected()).score}\nbad-image\n`);
  });

  test('without the packages with native code: said by name, by the library and by the command', async () => {
    // As installed, but with none beside it.
    const bare = await mkdtemp(path.join(os.tmpdir(), 'faprompt-bare-'));
    try {
      const installed = path.join(bare, 'node_modules/faprompt');
      for (const part of [
        'bin',
        'dist/node',
        'weights',
        'scripts/vulkan',
        'scripts/setup.mjs',
        'package.json',
      ])
        await cp(inPackage(part), path.join(installed, part), { recursive: true });
      const script = `import { Detector } from 'faprompt';
await Detector.load().catch(({ kind, message, hint }) => console.log(JSON.stringify({ kind, message, hint })));`;
      await writeFile(path.join(bare, 'detect.mjs'), script);
      const { stdout } = await run(process.execPath, ['detect.mjs'], { cwd: bare });
      expect(JSON.parse(stdout)).toMatchObject({
        kind: 'missing-package',
        message: expect.stringContaining('npm package webgpu is not installed'),
        hint: 'npm install webgpu sharp',
      });
      const bin = path.join(installed, 'bin/faprompt.mjs');
      const { version } = JSON.parse(await readFile(inPackage('package.json'), 'utf8'));
      expect((await run(process.execPath, [bin, '--version'], { cwd: bare })).stdout).toBe(`${version}\n`);
      const failed = await run(
        process.execPath,
        [bin, 'detect', '--out', 'o', '--clip', smallClip, '--prompts', 'p', inProject('photo.png')],
        { cwd: bare },
      ).catch((error) => error);
      expect(failed.code).toBe(1);
      expect(failed.stderr).toContain('npm install webgpu sharp');
    } finally {
      await rm(bare, { recursive: true, force: true });
    }
  });

  test('failures in Node are typed and name the file', async () => {
    await expect(Detector.load({ clip: inProject('none.safetensors') })).rejects.toThrow(DetectorError);
    await expect(Detector.load({ clip: inProject('photo.png') })).rejects.toMatchObject({
      kind: 'bad-weights',
      file: inProject('photo.png'),
    });
    const detector = await Detector.load({ clip: smallClip });
    await expect(detector.setPrompts(smallClip)).rejects.toMatchObject({ kind: 'bad-prompts' });
    await detector.setPrompts(inProject('prompts.safetensors'));
    await expect(detector.detect(inProject('package.json'))).rejects.toMatchObject({
      kind: 'bad-image',
      file: inProject('package.json'),
    });
    detector.close();
    await expect(detector.detect(inProject('photo.png'))).rejects.toMatchObject({ kind: 'closed' });
  });

  test('without prompts: those that ship where they are for this CLIP, else hand-written ones; it is said', async () => {
    const said: string[] = [];
    const onWarning = ({ kind, message }: Warning) => void said.push(`${kind}: ${message}`);
    const small = await Detector.load({ clip: smallClip, onWarning });
    expect(small.info.prompts).toBe(undefined);
    expect((await small.detect(inProject('photo.png'))).score).toBe((await expected()).score);
    expect(said).toEqual(['notice: no prompts were given: those that ship with the small CLIP are used']);
    expect(small.info.prompts!.abnormalities).toBeGreaterThan(1);
    small.close();

    const other = await Detector.load({ clip: inProject('other.safetensors'), onWarning });
    const { score } = await other.detect(inProject('photo.png'));
    expect(said[1]).toMatch(/^notice: no prompts were given: hand-written ones are used \(prompt-ensemble\)/);
    await other.setPrompts({});
    expect((await other.detect(inProject('photo.png'))).score).toBe(score);
    await other.setPrompts({ method: 'clip', object: 'woven cloth' });
    expect((await other.detect(inProject('photo.png'))).score).not.toBe(score);
    expect(said).toHaveLength(2);
    other.close();
  });

  test.each(['detect.js', 'detect-node.mjs'])('the README has the example %s word by word', async (name) => {
    const readme = await readFile(path.join(root, 'README.md'), 'utf8');
    const example = await readFile(path.join(root, 'examples', name), 'utf8');
    expect(readme.includes(example)).toBe(true);
  });

  describe.skipIf(!hasChromium())('the example in a browser', () => {
    let site: Site;
    let otherInNode: Promise<{ score: number; about: number; cosines: number[] }> | undefined;
    const expectedOfOther = () => {
      otherInNode ??= (async () => {
        const detector = await Detector.load({ clip: inProject('other.safetensors') });
        const { score } = await detector.detect(inProject('photo.png'));
        await detector.setPrompts({ object: 'woven cloth' });
        const about = (await detector.detect(inProject('photo.png'))).score;
        const classes = await detector.classify(inProject('photo.png'), texts);
        detector.close();
        return { score, about, cosines: classes.map(({ cosine }) => cosine) };
      })();
      return otherInNode;
    };
    beforeAll(async () => {
      await build({
        root: project,
        base: './',
        configFile: false,
        logLevel: 'error',
        build: {
          target: 'es2022',
          rolldownOptions: { input: [inProject('detect.html'), inProject('other.html')] },
        },
      });
      // esbuild moves no files along: the library falls back on what it carries.
      await esbuild({
        ...{ absWorkingDir: project, entryPoints: ['detect.js', 'other.js'], outdir: 'lost' },
        ...{ bundle: true, splitting: true, format: 'esm', logLevel: 'warning' },
      });
      for (const name of ['detect.html', 'other.html'])
        await copyFile(inProject(name), inProject('lost', name));
      site = await openSite({ '/some/where/': inProject('dist'), '/lost/': inProject('lost') });
    });
    afterAll(() => site?.close());

    test.each([
      ['bundled by Vite, under a strict policy', '/some/where/', false],
      ['bundled by esbuild, which loses worker and weights', '/lost/', true],
    ])('%s: the score and map of Node', async (_, base, lost) => {
      const context = await newContext({ boundsChecks: false });
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      site.policy = lost
        ? strictPolicy.replace("worker-src 'self'", "worker-src 'self' blob:")
        : strictPolicy;
      await page.goto(`${site.url}${base}detect.html`);
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
      const expectedComplaints = lost ? /favicon|404/ : /favicon/;
      expect(complaints.filter((text) => !expectedComplaints.test(text))).toEqual([]);
      if (!lost)
        expect(site.requests.every((name) => name.startsWith(base) || name === '/favicon.ico')).toBe(true);
      await context.close();
    });

    test.each([
      ['Vite', '/some/where/'],
      ['esbuild, which loses the words', '/lost/'],
    ])('another CLIP without prompts, bundled by %s: words are found', async (_, base) => {
      const context = await newContext({ boundsChecks: false });
      const page = await context.newPage();
      site.policy = strictPolicy.replace("worker-src 'self'", "worker-src 'self' blob:");
      site.serve('/other.safetensors', await readFile(inProject('other.safetensors')));
      site.serve('/photo.png', await readFile(inProject('photo.png')));
      await page.goto(`${site.url}${base}other.html`);
      await page.waitForFunction(() => 'look' in globalThis);
      const found = await page.evaluate(
        (texts) =>
          (globalThis as unknown as { look(texts: string[]): Promise<Record<string, unknown>> }).look(texts),
        texts,
      );
      const { score, about, cosines } = await expectedOfOther();
      expect(found).toMatchObject({
        named: true,
        said: [expect.stringContaining('hand-written ones are used')],
      });
      expect(found.score).toBeCloseTo(score, 5);
      expect(found.about).toBeCloseTo(about, 5);
      for (const [i, cosine] of cosines.entries())
        expect((found.cosines as number[])[i]).toBeCloseTo(cosine, 5);
      await context.close();
    });
  });
});

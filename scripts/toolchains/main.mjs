// npm run toolchains [-- --only NAME,...] [--keep DIR]: packs, installs the tarball into an empty project for each
// toolchain, runs the README's example, and prints a table. Fails unless every score is the same.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { projects } from './projects.mjs';
import { runProject } from './run.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const { values } = parseArgs({ options: { only: { type: 'string' }, keep: { type: 'string' } } });
const names = Object.keys(projects).filter((name) =>
  values.only === undefined
    ? true
    : values.only.split(',').some((part) => name.toLowerCase().includes(part.trim().toLowerCase())),
);

const work = values.keep
  ? path.resolve(values.keep)
  : await mkdtemp(path.join(os.tmpdir(), 'faprompt-toolchains-'));
await mkdir(work, { recursive: true });
const npm = (...args) =>
  execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
const faprompt = (...args) =>
  execFileSync(process.execPath, [path.join(root, 'bin/faprompt.mjs'), ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });

let browser;
let failed = false;
try {
  console.error('packing');
  const [{ filename, size, unpackedSize, entryCount }] = JSON.parse(
    npm('pack', '--json', '--pack-destination', work),
  );
  const tarball = path.join(work, filename);
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
  console.log(
    `${filename}: ${megabytes(size)} MB, ${megabytes(unpackedSize)} MB unpacked, ${entryCount} files\n`,
  );

  await rm(path.join(work, 'images'), { recursive: true, force: true });
  faprompt(
    'synth',
    path.join(work, 'images'),
    ...['--classes', 'nut', '--good', '0', '--defective', '1', '--image-size', '160'],
  );
  const meta = JSON.parse(await readFile(path.join(work, 'images/meta.json'), 'utf8'));
  const image = path.join(work, 'images', meta.test.nut[0].img_path);
  const text = (name) => readFile(path.join(root, 'examples', name), 'utf8');
  const examples = { browser: await text('detect.js'), node: await text('detect-node.mjs') };

  browser = await chromium.launch({
    executablePath: process.env.FAPROMPT_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      ...['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
      ...['--enable-unsafe-swiftshader', '--no-first-run', '--disable-background-networking'],
      ...['--disable-component-update', '--disable-sync', '--disable-quic'],
    ],
  });
  const seconds = (ms) => (ms / 1000).toFixed(1);
  const kilobytes = (bytes) => (bytes === undefined ? '-' : (bytes / 1000).toFixed(0));
  const columns = [22, 9, 10, 11, 14, 10, 11, 9, 7];
  const row = (cells) => console.log(cells.map((cell, i) => String(cell).padEnd(columns[i])).join(''));
  row([
    'toolchain',
    'score',
    'scripts kB',
    ' gzip kB',
    'loaded gz kB',
    'packages',
    'install MB',
    'install s',
    'run s',
  ]);
  const scores = new Set();
  for (const name of names) {
    try {
      const folder = path.join(work, name.replace(/[^\w]+/g, '-').toLowerCase());
      const found = await runProject(projects[name], folder, { tarball, image, examples, browser });
      scores.add(found.score);
      row([
        ...[name, found.score, kilobytes(found.bundle?.bytes), ` ${kilobytes(found.bundle?.gzip)}`],
        ...[
          kilobytes(found.loaded),
          found.packages,
          megabytes(found.bytes),
          seconds(found.install),
          seconds(found.run),
        ],
      ]);
      if (!values.keep) await rm(folder, { recursive: true, force: true });
    } catch (error) {
      failed = true;
      row([name, 'FAILED']);
      console.error(error.message);
    }
  }
  console.log(
    `\nscripts: all that the bundler wrote, carried worker and weights included; loaded: what the page asked for`,
  );
  if (scores.size !== 1) {
    failed = true;
    console.error(`expected one score, found ${[...scores].join(', ') || 'none'}`);
  }
} finally {
  await browser?.close();
  if (!values.keep) await rm(work, { recursive: true, force: true });
}
if (failed) process.exitCode = 1;

// Makes the page: a static folder that any host can serve, under any path.
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { esbuildInlined } from '../inline-plugin.mjs';
import { esbuildWgsl } from '../wgsl-plugin.mjs';
import { contentPolicy, headersFile } from './policy.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const weights = [
  'small-clip.safetensors',
  'small-prompts.safetensors',
  'photo-clip.safetensors', // fetched by who chooses it
  'clip-merges.txt.gz',
];

const common = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  platform: 'browser',
  conditions: ['browser'],
  // The other build wants Node's Buffer.
  alias: { 'csv-parse/sync': 'csv-parse/browser/esm/sync' },
  target: ['es2022', 'chrome123', 'safari26', 'firefox141'],
  logLevel: 'warning',
};

/**
 * @param {string} outdir is emptied first
 * @param {{ ships?: boolean }} options ships: the package has the weights beside it, and no use for source maps
 */
export async function buildPage(outdir, { ships = false } = {}) {
  await rm(outdir, { recursive: true, force: true });
  await mkdir(outdir, { recursive: true });
  await build({
    ...common,
    entryPoints: {
      main: 'web/main.ts',
      style: 'web/main.css',
      worker: 'src/detector/worker.ts',
      studio: 'web/studio/worker.ts',
    },
    outdir,
    splitting: true,
    format: 'esm',
    sourcemap: ships ? false : 'linked',
    define: {
      shippedClipHash: JSON.stringify(await hashOf('small-clip.safetensors')),
      shippedPromptsHash: JSON.stringify(await hashOf('small-prompts.safetensors')),
      photoClipHash: JSON.stringify(await hashOf('photo-clip.safetensors')),
    },
    loader: { '.svg': 'text', '.woff2': 'file' },
    plugins: [esbuildWgsl, esbuildInlined()],
  });
  const html = await readFile(path.join(root, 'web/index.html'), 'utf8');
  await writeFile(path.join(outdir, 'index.html'), html.replace('%CSP%', contentPolicy));
  // What a meta element cannot say, as Netlify, Cloudflare Pages and others read it.
  await writeFile(path.join(outdir, '_headers'), headersFile);
  await copyFile(path.join(root, 'web/icon.svg'), path.join(outdir, 'icon.svg'));
  await buildOffline(outdir);
  if (ships) return;
  await mkdir(path.join(outdir, 'weights'));
  for (const name of weights)
    await copyFile(path.join(root, 'weights', name), path.join(outdir, 'weights', name));
}

const hashOf = async (name) =>
  createHash('sha256')
    .update(await readFile(path.join(root, 'weights', name)))
    .digest('hex');

/** The service worker knows the page's files, and is another one whenever they are. */
async function buildOffline(outdir) {
  const names = (await readdir(outdir, { withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.map') && entry.name !== '_headers')
    .map(({ name }) => name)
    .sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(name).update(await readFile(path.join(outdir, name)));
  await build({
    ...common,
    entryPoints: { offline: 'web/offline.ts' },
    outdir,
    format: 'iife',
    define: {
      pageFiles: JSON.stringify(['./', ...names]),
      pageVersion: JSON.stringify(hash.digest('hex').slice(0, 16)),
    },
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const outdir = path.resolve(root, process.argv[2] ?? 'dist-web');
  await buildPage(outdir);
  console.log(`the page: ${path.relative('', outdir)}/ (any static host, any path)`);
}

// npm run size: what the library for browsers weighs, by part and by what a page loads. Minified files; gzip -9.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildBrowser } from './library.mjs';

/** Room of a source file: src/gpu, kernels (WGSL), a package, ... */
function partOf(file) {
  const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file) ?? [];
  if (name) return `package ${name}`;
  const [, room] = /^src\/([^/]+)/.exec(file) ?? [];
  return /\.wgsl(\?part)?$/.test(file) ? `${room} (WGSL)` : (room ?? file);
}

/** Files that an entry loads, with those that it loads later where `dynamic` says so. */
function loadedBy(outputs, entry, dynamic = false) {
  const files = [entry];
  for (const file of files)
    for (const { path: imported, kind } of outputs[file].imports)
      if ((dynamic || kind === 'import-statement') && outputs[imported] && !files.includes(imported))
        files.push(imported);
  return files;
}

const folder = await mkdtemp(path.join(os.tmpdir(), 'faprompt-size-'));
try {
  const { outputs: all } = await buildBrowser(folder);
  const outputs = Object.fromEntries(Object.entries(all).filter(([file]) => file.endsWith('.js')));
  const gzipped = new Map();
  for (const file of Object.keys(outputs))
    gzipped.set(
      file,
      gzipSync(await readFile(path.resolve(import.meta.dirname, '..', file)), { level: 9 }).length,
    );
  const named = (start) => Object.keys(outputs).find((file) => path.basename(file).startsWith(start));
  const [index, worker] = [named('index.'), named('worker.')];
  const carried = {
    worker: named('worker-'),
    clip: named('clip-'),
    prompts: named('prompts-'),
    vocabulary: named('vocabulary-'),
  };

  const parts = new Map();
  for (const [file, { bytes, inputs }] of Object.entries(outputs)) {
    if (Object.values(carried).includes(file)) continue;
    if (file !== worker && !loadedBy(outputs, index).includes(file)) continue; // worker: false has the same again
    for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
      const part = parts.get(partOf(input)) ?? { bytes: 0, gzip: 0 };
      part.bytes += bytesInOutput;
      part.gzip += (gzipped.get(file) * bytesInOutput) / bytes;
      parts.set(partOf(input), part);
    }
  }
  const kb = (bytes) => (bytes / 1000).toFixed(1).padStart(8);
  const row = (name, bytes, gzip) => console.log(`${name.padEnd(46)} ${kb(bytes)} ${kb(gzip)}`);
  console.log(`${''.padEnd(46)}  kB min.  kB gzip`);
  for (const [name, { bytes, gzip }] of [...parts].sort(([, a], [, b]) => b.gzip - a.gzip))
    row(name, bytes, gzip);
  console.log('gzip of a part: its share of the files that it is in, by length\n');
  const page = loadedBy(outputs, index);
  const inPage = loadedBy(outputs, index, true).filter((file) => !Object.values(carried).includes(file));
  const sums = (name, files) =>
    row(
      name,
      files.reduce((total, file) => total + outputs[file].bytes, 0),
      files.reduce((total, file) => total + gzipped.get(file), 0),
    );
  sums('page and worker', [...page, worker]);
  sums('of these the page', page);
  sums('page with the worker that it carries', [...page, carried.worker]);
  sums('page with worker: false, all of it', inPage);
  sums('small CLIP and prompts, where files get lost', [carried.clip, carried.prompts]);
  sums('words for other CLIPs, where files get lost', [carried.vocabulary]);
} finally {
  await rm(folder, { recursive: true, force: true });
}

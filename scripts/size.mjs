// npm run size: what the browser bundle weighs, by part. Sizes are of minified files; gzip -9.
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
  return file.endsWith('.wgsl') ? `${room} (WGSL)` : (room ?? file);
}

/** Files that an entry loads before it can start. */
function loadedBy(outputs, entry) {
  const files = [entry];
  for (const file of files)
    for (const { path: imported, kind } of outputs[file].imports)
      if (kind === 'import-statement' && !files.includes(imported)) files.push(imported);
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
  const parts = new Map();
  for (const [file, { bytes, inputs }] of Object.entries(outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
      const part = parts.get(partOf(input)) ?? { bytes: 0, gzip: 0 };
      part.bytes += bytesInOutput;
      part.gzip += (gzipped.get(file) * bytesInOutput) / bytes;
      parts.set(partOf(input), part);
    }
  }
  const kb = (bytes) => (bytes / 1000).toFixed(1).padStart(8);
  const sum = (files, of) => files.reduce((total, file) => total + of(file), 0);
  const row = (name, bytes, gzip) => console.log(`${name.padEnd(34)} ${kb(bytes)} ${kb(gzip)}`);
  console.log(`${''.padEnd(34)}  kB min.  kB gzip`);
  for (const [name, { bytes, gzip }] of [...parts].sort(([, a], [, b]) => b.gzip - a.gzip))
    row(name, bytes, gzip);
  console.log('gzip of a part: its share of the files that it is in, by length\n');
  const entry = (name) => Object.keys(outputs).find((file) => file.endsWith(`/${name}.js`));
  const page = loadedBy(outputs, entry('index'));
  const worker = loadedBy(outputs, entry('worker'));
  const files = Object.keys(outputs);
  for (const [name, list] of [
    ['loaded by the page', page],
    ['loaded by the worker', worker],
    ['all files', files],
  ])
    row(
      name,
      sum(list, (file) => outputs[file].bytes),
      sum(list, (file) => gzipped.get(file)),
    );
} finally {
  await rm(folder, { recursive: true, force: true });
}

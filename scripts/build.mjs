// Bundles the command line (dist/node, as it ships) and the maintainers' programs (dist): Node 20 runs no TypeScript by itself.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { buildCommand } from './library.mjs';
import { esbuildWgsl } from './wgsl-plugin.mjs';

const root = path.resolve(import.meta.dirname, '..');
const entryPoints = {
  golden: 'test/golden/main.ts',
  bench: 'bench/main.ts',
  'soak-station': 'bench/soak-station.ts',
  'true-shapes': 'test/true-shapes/main.ts',
};

await Promise.all([
  buildCommand(),
  build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(
      Object.entries(entryPoints).filter(([, file]) => existsSync(path.join(root, file))),
    ),
    outdir: 'dist',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: true,
    logLevel: 'warning',
    plugins: [esbuildWgsl],
  }),
]);

// Bundles the command line and the maintainers' programs with esbuild: Node 20 runs no TypeScript by itself.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { esbuildWgsl } from './wgsl-plugin.mjs';

const root = path.resolve(import.meta.dirname, '..');
const entryPoints = {
  cli: 'src/cli/main.ts',
  golden: 'test/golden/main.ts',
  bench: 'bench/main.ts',
  'true-shapes': 'test/true-shapes/main.ts',
  'batch-worker': 'src/train/pretrain/batch-worker.node.ts',
};

await build({
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
});

// Bundles what runs in the libraries' own processes (build/node/) and pages (build/page/). Where the other libraries are not
// installed, only ours will run.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { esbuildWgsl } from '../../scripts/wgsl-plugin.mjs';

const common = {
  absWorkingDir: import.meta.dirname,
  bundle: true,
  splitting: true,
  format: 'esm',
  // TensorFlow.js's main file is a bundle without gradients.
  mainFields: ['module', 'main'],
  loader: { '.proto': 'text' },
  plugins: [esbuildWgsl],
  logLevel: 'warning',
};

const installed = existsSync(path.join(import.meta.dirname, 'node_modules'));

await Promise.all([
  build({
    ...common,
    entryPoints: { worker: 'libraries/node.ts' },
    outdir: path.join('build', 'node'),
    platform: 'node',
    target: 'node20',
    ...(installed ? { external: ['onnxruntime-node', 'webgpu'] } : { packages: 'external' }),
    outExtension: { '.js': '.mjs' },
  }),
  build({
    ...common,
    entryPoints: { page: 'libraries/page.ts' },
    outdir: path.join('build', 'page'),
    platform: 'browser',
    conditions: ['browser'],
    ...(installed ? { external: ['node:*'] } : { packages: 'external' }),
  }),
]);

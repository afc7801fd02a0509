// Bundles what runs in the libraries' own processes (build/node/) and pages (build/page/).
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

await Promise.all([
  build({
    ...common,
    entryPoints: { worker: 'libraries/node.ts' },
    outdir: path.join('build', 'node'),
    platform: 'node',
    target: 'node20',
    external: ['onnxruntime-node', 'webgpu'],
    outExtension: { '.js': '.mjs' },
  }),
  build({
    ...common,
    entryPoints: { page: 'libraries/page.ts' },
    outdir: path.join('build', 'page'),
    platform: 'browser',
    conditions: ['browser'],
    external: ['node:*'],
  }),
]);

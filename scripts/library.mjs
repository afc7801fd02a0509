// Builds the library: dist/lib/index.js and worker.js for browsers, index.node.js for Node, and its types.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { esbuildWgsl } from './wgsl-plugin.mjs';

const root = path.resolve(import.meta.dirname, '..');

const common = {
  absWorkingDir: root,
  bundle: true,
  splitting: true,
  format: 'esm',
  sourcemap: true,
  metafile: true,
  logLevel: 'warning',
  plugins: [esbuildWgsl],
};

/**
 * Browser bundle: no Node modules, nothing from a package left to be resolved.
 * @returns {Promise<import('esbuild').Metafile>}
 */
export async function buildBrowser(outdir = 'dist/lib') {
  const { metafile } = await build({
    ...common,
    entryPoints: { index: 'src/detector/index.ts', worker: 'src/detector/worker.ts' },
    outdir,
    platform: 'browser',
    target: 'es2022',
    minify: true,
  });
  return metafile;
}

export const buildNode = (outdir = 'dist/lib') =>
  build({
    ...common,
    entryPoints: { 'index.node': 'src/detector/index.node.ts' },
    outdir,
    chunkNames: 'node-[hash]',
    platform: 'node',
    target: 'node20',
    packages: 'external',
  });

/** Types of both entries, and of what they name; the compiler writes those of everything that they import. */
export async function buildTypes(outdir = path.join(root, 'dist/lib/types')) {
  const all = await mkdtemp(path.join(os.tmpdir(), 'faprompt-types-'));
  try {
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [tsc, '-p', 'tsconfig.lib.json', '--outDir', all], {
      cwd: root,
      stdio: 'inherit',
    });
    const wanted = ['detector/index.d.ts', 'detector/index.node.d.ts'];
    for (const file of wanted) {
      const text = await readFile(path.join(all, file), 'utf8');
      for (const [, module] of text.matchAll(/from '(\.[^']+)\.ts'/g)) {
        const found = path.join(path.dirname(file), `${module}.d.ts`);
        if (!wanted.includes(found)) wanted.push(found);
      }
      const to = path.join(outdir, file);
      await mkdir(path.dirname(to), { recursive: true });
      await writeFile(to, text);
    }
  } finally {
    await rm(all, { recursive: true, force: true });
  }
}

export async function buildLibrary() {
  await rm(path.join(root, 'dist/lib'), { recursive: true, force: true });
  await Promise.all([buildBrowser(), buildNode(), buildTypes()]);
}

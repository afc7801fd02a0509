// Builds what the package ships, into dist/: browser/ (index.js, worker.js), node/ (the library as ES module and, in cjs/,
// as CommonJS; the command line), types/. The packages that it uses are bundled, but for those with native code.
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { esbuildInlined } from './inline-plugin.mjs';
import { writeNotices } from './notices.mjs';
import { esbuildOrder } from './order-plugin.mjs';
import { esbuildWgsl } from './wgsl-plugin.mjs';

const root = path.resolve(import.meta.dirname, '..');

const common = {
  absWorkingDir: root,
  bundle: true,
  sourcemap: true,
  metafile: true,
  logLevel: 'warning',
  legalComments: 'none', // THIRD-PARTY.txt has them all
};
const browser = { ...common, platform: 'browser', target: 'es2022', minify: true };
const node = {
  ...common,
  platform: 'node',
  target: 'node20',
  // Packages with native code, and what vega would use if somebody had installed it.
  external: ['webgpu', 'sharp', 'canvas', 'esbuild'],
};

const weights = (name) => async () => ({
  contents: await readFile(path.join(root, 'weights', name)),
  loader: 'binary',
});

/**
 * The library for browsers: no Node modules, nothing from a package left to be resolved. The worker is one file.
 * @returns {Promise<import('esbuild').Metafile>} of all files
 */
export async function buildBrowser(outdir = 'dist/browser') {
  const workerEntry = 'src/detector/worker.ts';
  const worker = await build({
    ...browser,
    entryPoints: { worker: workerEntry },
    outdir,
    format: 'iife',
    plugins: [esbuildWgsl, esbuildInlined(), esbuildOrder(workerEntry, true)],
  });
  const source = async () => {
    const text = await readFile(path.join(path.resolve(root, outdir), 'worker.js'), 'utf8');
    return { contents: text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n'), loader: 'text' };
  };
  const inlined = {
    worker: source,
    clip: weights('small-clip.safetensors'),
    prompts: weights('small-prompts.safetensors'),
    vocabulary: weights('clip-merges.txt.gz'),
  };
  const page = await build({
    ...browser,
    entryPoints: { index: 'src/detector/index.ts' },
    outdir,
    splitting: true,
    format: 'esm',
    chunkNames: '[name]-[hash]',
    plugins: [esbuildWgsl, esbuildInlined(inlined), esbuildOrder('src/detector/local.ts', false)],
  });
  return {
    inputs: { ...worker.metafile.inputs, ...page.metafile.inputs },
    outputs: { ...worker.metafile.outputs, ...page.metafile.outputs },
  };
}

/** Packages of CommonJS inside an ES module ask for Node's modules by `require`. */
const requireBanner =
  "import { createRequire as fapromptRequire } from 'node:module'; const require = fapromptRequire(import.meta.url);";

/** The command line and the library in Node. @returns {Promise<import('esbuild').Metafile>} */
export async function buildNode(outdir = 'dist/node') {
  const { metafile } = await build({
    ...node,
    entryPoints: {
      index: 'src/detector/index.node.ts',
      cli: 'src/cli/main.ts',
      'batch-worker': 'src/train/pretrain/batch-worker.node.ts',
    },
    outdir,
    splitting: true,
    format: 'esm',
    chunkNames: '[name]-[hash]',
    banner: { js: requireBanner },
    plugins: [esbuildWgsl],
  });
  return metafile;
}

/** The library for `require`. */
export async function buildCommonJs(outdir = 'dist/node/cjs') {
  const { metafile } = await build({
    ...node,
    entryPoints: { index: 'src/detector/index.node.ts' },
    outdir,
    format: 'cjs',
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
    plugins: [esbuildWgsl],
  });
  await writeFile(path.join(path.resolve(root, outdir), 'package.json'), '{ "type": "commonjs" }\n');
  return metafile;
}

/** Types of both entries, and of what they name; the compiler writes those of everything that they import. */
export async function buildTypes(outdir = path.join(root, 'dist/types')) {
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
      // Compilers of other projects need not know the endings of these sources.
      await writeFile(to, text.replace(/(from '\.[^']+)\.ts'/g, "$1.js'"));
    }
    await writeFile(path.join(outdir, 'worker.d.ts'), '// Runs in a worker; exports nothing.\nexport {};\n');
  } finally {
    await rm(all, { recursive: true, force: true });
  }
}

/** The command line and the library in Node: what a clone needs to run. */
export async function buildCommand() {
  await rm(path.join(root, 'dist/node'), { recursive: true, force: true });
  return buildNode();
}

/** Source maps keep the text of this project's files; that of packages would be most of them. */
async function trimMaps(folder) {
  for (const name of (await readdir(folder)).filter((entry) => entry.endsWith('.map'))) {
    const file = path.join(folder, name);
    const map = JSON.parse(await readFile(file, 'utf8'));
    map.sourcesContent = map.sourcesContent?.map((text, i) =>
      map.sources[i].includes('node_modules/') ? null : text,
    );
    await writeFile(file, JSON.stringify(map));
  }
}

/** All that the package ships but the page, into `dist`. */
export async function buildLibrary(dist = path.join(root, 'dist')) {
  const to = (...names) => path.join(dist, ...names);
  for (const folder of ['browser', 'node', 'types']) await rm(to(folder), { recursive: true, force: true });
  await buildTypes(to('types')); // first: it fails where the types are wrong
  const metafiles = await Promise.all([
    buildBrowser(to('browser')),
    buildNode(to('node')),
    buildCommonJs(to('node/cjs')),
  ]);
  for (const folder of ['browser', 'node', 'node/cjs']) await trimMaps(to(folder));
  await cp(to('types'), to('node/cjs/types'), { recursive: true });
  await writeNotices(
    metafiles.flatMap(({ inputs }) => Object.keys(inputs)),
    to('THIRD-PARTY.txt'),
  );
}

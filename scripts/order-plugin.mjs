// What stands where in the bundles for browsers, whose size counts.
// - All WGSL comes before one module, a family of shaders next to each other: gzip finds repeated text only 32 kB back.
//   What nobody uses is left out as ever.
// - In the worker, which is one file, `await import('./x.ts')` becomes a plain import. What is loaded late would be in
//   the file all the same, and one late module makes esbuild wrap it, and all that it shares, in functions of their own.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { partImport } from './wgsl-plugin.mjs';

const source = path.resolve(import.meta.dirname, '../src');

async function allShaders() {
  const files = await readdir(source, { recursive: true });
  return files.filter((file) => file.endsWith('.wgsl')).sort();
}

/**
 * @param {string} entry the module that all shaders come before, from the project's folder
 * @param {boolean} oneFile whether the bundle is one file
 */
export const esbuildOrder = (entry, oneFile) => ({
  name: 'order',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path: file }) => {
      const text = await readFile(file, 'utf8');
      const imports = [];
      if (file === path.resolve(source, '..', entry))
        for (const shader of await allShaders())
          imports.push(partImport('', path.join(source, shader), file));
      const late = (_, module) => {
        const name = `late${imports.length}`;
        imports.push(`import * as ${name} from ${module};`);
        return `await Promise.resolve(${name})`;
      };
      const contents = oneFile ? text.replace(/\bawait import\(('\.[^']+')\)/g, late) : text;
      // On the first line: source maps stay right.
      return imports.length > 0 ? { contents: imports.join(' ') + contents, loader: 'ts' } : undefined;
    });
  },
});

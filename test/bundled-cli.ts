// The command line for tests that start it as a process of its own.
import path from 'node:path';
import { build } from 'esbuild';
import { esbuildWgsl } from '../scripts/wgsl-plugin.mjs';

let made: Promise<string> | undefined;

/** The command line of the sources as they are, as one file. @returns its path */
export function bundledCli(): Promise<string> {
  made ??= bundle();
  return made;
}

async function bundle(): Promise<string> {
  // Beside node_modules, so that packages are found.
  const outfile = path.join(import.meta.dirname, '../node_modules/.cache/faprompt-test/cli.mjs');
  await build({
    entryPoints: [path.join(import.meta.dirname, '../src/cli/main.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'error',
    plugins: [esbuildWgsl],
  });
  return outfile;
}

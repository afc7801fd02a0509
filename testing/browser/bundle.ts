// What the pages of the tests run, bundled as a browser would get it.
import { build } from 'esbuild';
import { esbuildInlined } from '../../scripts/inline-plugin.mjs';
import { esbuildWgsl } from '../../scripts/wgsl-plugin.mjs';

const root = process.cwd();

/** @returns path -> bytes of each bundle and the chunks that they share */
export async function bundle(
  entryPoints: Readonly<Record<string, string>>,
): Promise<Map<string, Uint8Array>> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { ...entryPoints },
    outdir: '/',
    write: false,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'warning',
    plugins: [esbuildWgsl, esbuildInlined()],
  });
  return new Map(outputFiles.map((file) => [file.path, file.contents]));
}

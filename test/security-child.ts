// Measures a piece of work in a process of its own: seconds, and the largest resident set above an idle one's.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { esbuildWgsl } from '../scripts/wgsl-plugin.mjs';

export interface Measured {
  /** What the work threw: name and message; undefined where it came through. */
  readonly error?: string;
  readonly result?: unknown;
  readonly seconds: number;
  /** MiB above what the process had before the work began. */
  readonly mebibytes: number;
}

export interface Child {
  /** Calls the exported function `name` with arguments that JSON can hold. */
  run(name: string, ...args: readonly unknown[]): Promise<Measured>;
  remove(): Promise<void>;
}

const root = path.resolve(import.meta.dirname, '..');

/** Bundles a module whose exports are the work. */
export async function createChild(module: string): Promise<Child> {
  const dir = await mkdtemp(path.join(root, 'node_modules', '.faprompt-child-'));
  const file = path.join(dir, 'child.mjs');
  await build({
    absWorkingDir: root,
    stdin: {
      contents: `
        import * as work from ${JSON.stringify(module)};
        import { readFileSync } from 'node:fs';
        // Not getrusage's: that begins with the peak of the process that started this one.
        const peak = () => 1024 * Number(/VmHWM:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
        const [name, ...args] = JSON.parse(process.argv[2]);
        const before = process.memoryUsage().rss;
        const began = performance.now();
        const done = (outcome) => process.stdout.write(JSON.stringify({
          ...outcome,
          seconds: (performance.now() - began) / 1000,
          mebibytes: (peak() - before) / 2 ** 20,
        }));
        try { done({ result: await work[name](...args) }); }
        catch (error) { done({ error: error.name + ': ' + error.message }); }`,
      resolveDir: root,
      loader: 'ts',
    },
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
    plugins: [esbuildWgsl],
  });
  return {
    run: (name, ...args) =>
      new Promise((resolve, reject) => {
        // Killed where it hangs: a test must end.
        const options = {
          timeout: 240_000,
          killSignal: 'SIGKILL',
          env: { ...process.env, TMPDIR: os.tmpdir() },
        } as const;
        execFile(process.execPath, [file, JSON.stringify([name, ...args])], options, (error, stdout) => {
          if (error) reject(error);
          else resolve(JSON.parse(stdout) as Measured);
        });
      }),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

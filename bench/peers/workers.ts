// The libraries' processes and pages, from the driver's side.
import { execFileSync, fork } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { chromium } from 'playwright-core';
import sirv from 'sirv';
import { root } from '../root.ts';
import type { Worker } from './compare.ts';
import type { Replies, Request } from './library.ts';

/** What is built for peers in a checkout. */
const peersOf = (checkout: string) => path.join(checkout, 'bench', 'peers');
const folder = peersOf(root);

/**
 * Installs the libraries at the first use of one that is not ours, and bundles what runs in their processes and pages. FAPROMPT_PEERS=built says
 * that build/ is there already: a machine without network has no more than that.
 */
export function preparePeers(libraries: readonly LibraryName[]): void {
  if (process.env.FAPROMPT_PEERS === 'built') return;
  const others = libraries.some((name) => name !== 'faprompt');
  if (others && !existsSync(path.join(folder, 'node_modules'))) {
    console.log('installing the other libraries into bench/peers/node_modules (about 700 MB)');
    const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' }; // no CUDA
    execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, env, stdio: 'inherit' });
  }
  execFileSync(process.execPath, [path.join(folder, 'build.mjs')], { stdio: 'inherit' });
}

/** Package whose version a library has; ours is this project's. */
const packages = {
  faprompt: undefined,
  onnxruntime: 'onnxruntime-node',
  'onnxruntime-web': 'onnxruntime-web',
  'jax-js': '@jax-js/jax',
  tensorflow: '@tensorflow/tfjs-core',
} as const;

export type LibraryName = keyof typeof packages;
export const nodeLibraries: readonly LibraryName[] = ['faprompt', 'onnxruntime', 'jax-js', 'tensorflow'];
export const browserLibraries: readonly LibraryName[] = [
  'faprompt',
  'onnxruntime-web',
  'jax-js',
  'tensorflow',
];

function versionOf(library: LibraryName): string {
  const name = packages[library];
  const file = name
    ? path.join(folder, 'node_modules', name, 'package.json')
    : path.join(root, 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** A Node process with Dawn (ONNX Runtime: its own Dawn). @param checkout whose build runs; default: this one's */
export function nodeWorker(library: LibraryName, variants: string, checkout = root): Worker {
  const child = fork(
    path.join(peersOf(checkout), 'build', 'node', 'worker.mjs'),
    [library, versionOf(library), variants],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    },
  );
  let errors = '';
  child.stderr!.on('data', (text) => {
    errors = `${errors}${text}`.slice(-2000);
  });
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        const done = () => {
          child.off('message', onMessage);
          child.off('exit', onExit);
        };
        const onMessage = (message: { reply?: Replies[Request['do']]; error?: string }) => {
          done();
          if (message.error !== undefined) reject(new Error(message.error));
          else resolve(message.reply as never);
        };
        const onExit = (code: number | null, signal: string | null) => {
          done();
          reject(new Error(`the process of ${library} ended (${signal ?? code}): ${errors}`));
        };
        child.on('message', onMessage);
        child.on('exit', onExit);
        child.send(request);
      }),
    async close() {
      child.removeAllListeners();
      child.kill('SIGKILL'); // ONNX Runtime crashes when it is left to end by itself
    },
  };
}

const chromiumFlags = [
  '--enable-unsafe-webgpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
];
const softwareFlags = ['--use-webgpu-adapter=swiftshader', '--enable-unsafe-swiftshader'];

/** Chromium without a window; `executable` is a system's own (FAPROMPT_CHROMIUM, default /usr/bin/chromium). */
export async function openBrowser(software: boolean) {
  const servers: Server[] = [];
  const addressOf = async (checkout: string): Promise<string> => {
    const server = createServer(sirv(peersOf(checkout), { dev: true, dotfiles: false }));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const addresses = new Map<string, Promise<string>>();
  const browser = await chromium.launch({
    executablePath: process.env.FAPROMPT_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', ...chromiumFlags, ...(software ? softwareFlags : ['--enable-features=Vulkan'])],
  });
  return {
    version: `Chromium ${browser.version()}`,
    worker(library: LibraryName, variants: string, checkout = root): Worker {
      const address = addresses.get(checkout) ?? addressOf(checkout);
      addresses.set(checkout, address);
      const query = new URLSearchParams({ library, version: versionOf(library), variants });
      const opened = (async () => {
        const page = await browser.newPage();
        page.setDefaultTimeout(0);
        await page.goto(`${await address}/page.html?${query}`);
        await page.waitForFunction(() => 'answer' in globalThis);
        return page;
      })();
      return {
        ask: async (request) =>
          (await opened).evaluate(
            (r) => (globalThis as unknown as { answer: (r: unknown) => Promise<never> }).answer(r),
            request,
          ),
        close: async () => (await opened).close(),
      };
    },
    async close() {
      await browser.close();
      for (const server of servers) server.close();
    },
  };
}

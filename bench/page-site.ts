// The page, built into a temporary folder and served on localhost.
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';

export async function servePage(): Promise<{ readonly url: string; close(): Promise<void> }> {
  // At run time: bundled, they would take dist/ for the repository's root.
  const script = (name: string): Promise<Record<string, unknown>> =>
    import(new URL(`../scripts/web/${name}.mjs`, import.meta.url).href);
  const buildPage = (await script('build')).buildPage as (outdir: string) => Promise<void>;
  const pageServer = (await script('server')).pageServer as (folder: string) => Server;
  const folder = await mkdtemp(path.join(os.tmpdir(), 'faprompt-bench-page-'));
  await buildPage(folder);
  const server = pageServer(folder);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

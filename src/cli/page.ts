// page: the browser's page, served on localhost or copied for a host of one's own.
import { mkdirSync } from 'node:fs';
import { cp, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Command } from 'commander';
import { pageServer } from '../../scripts/web/server.mjs';
import { checkOutputFolder, realPlace, writeAside } from '../base/files.node.ts';
import { packageFile } from '../base/package.node.ts';
import { type Io, UsageError } from '../jobs/io.ts';
import { shippedClips, smallClip } from '../model/shipped.ts';
import { integer } from './arguments.ts';

interface Given {
  readonly port: number;
  readonly out?: string;
}

export const pageCommand = (io: Io): Command =>
  new Command('page')
    .description('the page for browsers: serve it on localhost, or write it for any static host')
    .option('--port <n>', 'on localhost; 0: any that is free', integer(0, 65535), 8080)
    .option('--out <dir>', 'write the folder of static files instead; must be empty or not exist')
    .action(({ port, out }: Given) => (out === undefined ? serve(io, port) : copy(io, out)));

function pageFolder(): string {
  try {
    return path.dirname(packageFile('dist/page/index.html'));
  } catch {
    throw new UsageError('the page is not built: in a clone it is `npm run web` and `npm run build:web`');
  }
}

const weightsFolder = (): string => path.dirname(packageFile(smallClip.clip));

async function copy(io: Io, out: string): Promise<void> {
  const from = pageFolder();
  await checkOutputFolder(out, '--out');
  const there = await readdir(out).catch((): string[] => []);
  if (there.length > 0)
    throw new UsageError(`--out: expected an empty folder, found ${out} with ${there.length} files`);
  const names = [...shippedClips.map(({ clip }) => clip), smallClip.prompts, 'weights/clip-merges.txt.gz'];
  // Under another name first: a folder that a full disk or an interrupt cut short would look like a page.
  const root = await realPlace(out);
  await writeAside(root, mkdirSync, async (staging) => {
    await cp(from, staging, { recursive: true });
    for (const name of names) await cp(packageFile(name), path.join(staging, name));
    await rm(root, { recursive: true, force: true });
  });
  io.out(`the page: ${out} (any static host, any path)`);
}

async function serve(io: Io, port: number): Promise<void> {
  const server = pageServer(pageFolder(), '/', { '/weights/': weightsFolder() });
  await new Promise<void>((resolve, reject) => {
    server.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new UsageError(`--port: ${port} is taken`) : error),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => {
    const forget = io.onInterrupt(() => {
      forget();
      server.close(() => resolve());
      server.closeAllConnections();
    });
    // Now that it can be ended.
    io.out(`http://localhost:${typeof address === 'object' && address ? address.port : port}/`);
  });
}

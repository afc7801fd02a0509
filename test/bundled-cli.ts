// The command for tests that start it as a process of its own: bin/ and what it wants, as an installed package has them.
import { cp, symlink } from 'node:fs/promises';
import path from 'node:path';
import { buildNode } from '../scripts/library.mjs';
import { built } from './built.ts';

const root = path.resolve(import.meta.dirname, '..');

const command = () =>
  built('command', async (folder) => {
    for (const part of ['bin', 'package.json', 'scripts/vulkan'])
      await cp(path.join(root, part), path.join(folder, part), { recursive: true });
    await symlink(path.join(root, 'weights'), path.join(folder, 'weights'));
    await buildNode(path.join(folder, 'dist/node'));
  });

/** The command line of the sources as they are. @returns its path */
export const bundledCli = async (): Promise<string> => path.join(await command(), 'dist/node/cli.js');

/** What `npx faprompt` starts: the command line behind its launcher. @returns its path */
export const bundledBin = async (): Promise<string> => path.join(await command(), 'bin/faprompt.mjs');

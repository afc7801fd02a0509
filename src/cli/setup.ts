// setup: makes sure that this machine has a WebGPU adapter.
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { packageFile } from '../base/package.node.ts';
import type { Io } from '../jobs/io.ts';

export const setupCommand = (_io: Io): Command =>
  new Command('setup')
    .description("look for a WebGPU adapter; where there is none, install Mesa's software Vulkan driver")
    .action(async () => {
      // A script of its own: a clone needs it before anything is built.
      const script = pathToFileURL(packageFile('scripts/setup.mjs')).href;
      const { setup } = (await import(script)) as { setup(): void };
      setup();
    });

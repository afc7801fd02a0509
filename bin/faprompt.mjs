#!/usr/bin/env node
// The `faprompt` command: dist/node/cli.js, with the unpacked software Vulkan driver where this machine needs it, and
// without what Dawn prints on standard error of its own accord (on Linux, where it does).
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { neededEnvironment } from '../scripts/vulkan/driver.mjs';
import { launch } from '../scripts/vulkan/launch.mjs';

const cli = path.resolve(import.meta.dirname, '..', 'dist', 'node', 'cli.js');
const build = path.resolve(import.meta.dirname, '..', 'scripts', 'build.mjs');

/** Builds the command line where a clone has not been built yet. Says why where that is impossible. */
async function built() {
  if (existsSync(cli)) return true;
  if (!existsSync(build)) {
    console.error(`faprompt: ${cli} is missing: install the package again`);
    return false;
  }
  console.error('faprompt: dist/node/cli.js is missing, building it');
  try {
    await import(pathToFileURL(build).href);
    if (!existsSync(cli)) throw new Error('the build made no dist/node/cli.js');
    return true;
  } catch (error) {
    console.error(
      `faprompt: not built: ${error.message}\nRun \`npm ci\` in ${path.resolve(import.meta.dirname, '..')}.`,
    );
    return false;
  }
}

const env = neededEnvironment();
if (!(await built())) {
  process.exitCode = 1;
} else if (env || process.platform === 'linux') {
  // A new process, because the library path is read when a process starts, and descriptors are its own.
  const command = [...process.execArgv, cli, ...process.argv.slice(2)];
  await launch(process.execPath, command, { ...(env ?? process.env), FAPROMPT_STDERR: '3' });
} else {
  await import(pathToFileURL(cli).href);
}

#!/usr/bin/env node
// The `faprompt` command: dist/cli.js, with the unpacked software Vulkan driver where this machine needs it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { neededEnvironment } from '../scripts/vulkan/driver.mjs';
import { launch } from '../scripts/vulkan/launch.mjs';

const cli = path.resolve(import.meta.dirname, '..', 'dist', 'cli.js');

/** Builds the command line where a clone has not been built yet. Says why where that is impossible. */
async function built() {
  if (existsSync(cli)) return true;
  console.error('faprompt: dist/cli.js is missing, building it');
  try {
    await import('../scripts/build.mjs');
    if (!existsSync(cli)) throw new Error('the build made no dist/cli.js');
    return true;
  } catch (error) {
    console.error(
      `faprompt: not built: ${error.message}\nRun \`npm ci\` in ${path.dirname(path.dirname(cli))}.`,
    );
    return false;
  }
}

const env = neededEnvironment();
if (env) {
  // A new process, because the library path is read when a process starts.
  const self = fileURLToPath(import.meta.url);
  await launch(process.execPath, [...process.execArgv, self, ...process.argv.slice(2)], env);
} else if (await built()) {
  await import(pathToFileURL(cli).href);
} else {
  process.exitCode = 1;
}

// node scripts/with-vulkan.mjs COMMAND [ARGS...]: runs a command (node_modules/.bin included) with the environment for
// the unpacked software Vulkan driver, where this machine needs it. Signals and the exit code pass through.
import path from 'node:path';
import { neededEnvironment } from './vulkan/driver.mjs';
import { launch } from './vulkan/launch.mjs';

const [command, ...args] = process.argv.slice(2);
if (command === undefined) {
  console.error('usage: node scripts/with-vulkan.mjs COMMAND [ARGS...]');
  process.exitCode = 2;
} else {
  const bin = path.resolve(import.meta.dirname, '..', 'node_modules', '.bin');
  const env = neededEnvironment() ?? process.env;
  await launch(command, args, { ...env, PATH: `${bin}${path.delimiter}${env.PATH ?? ''}` });
}

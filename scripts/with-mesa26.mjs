// node scripts/with-mesa26.mjs FILE [ARGUMENTS]: runs a script of node's on Mesa 26's software adapter (mesa26.mjs), a test,
// say: node_modules/vitest/vitest.mjs run ... Without Mesa 26 it says so and ends with exit code 0: what needs it is
// optional.
import { spawnSync } from 'node:child_process';
import { mesa26Command, mesa26Missing } from './mesa26.mjs';

if (mesa26Missing) {
  console.log(mesa26Missing);
  process.exit(0);
}
const { command, args, env } = mesa26Command();
const { status } = spawnSync(command, [...args, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, ...env },
});
process.exit(status ?? 1);

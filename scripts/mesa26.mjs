// Runs node on Mesa 26's drivers from a folder beside the system: its software adapter, or a pretended GPU whose driver
// compiles and computes nothing. docs: bench/README.md, "Without a GPU".
//
//   node scripts/mesa26.mjs FILE [ARGUMENTS]     a script of node's, a test: node_modules/vitest/vitest.mjs run ...
//
// The folder is a Debian root with mesa-vulkan-drivers 26, mesa-drm-shim and libvulkan1: TRIXIE, or ~/trixie. Without it
// this says so and ends with exit code 0: what needs it is optional.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const mesa26Folder = process.env.TRIXIE ?? path.join(os.homedir(), 'trixie');
const libraries = path.join(mesa26Folder, 'usr/lib/x86_64-linux-gnu');
const loader = path.join(mesa26Folder, 'lib64/ld-linux-x86-64.so.2');

/** How the tests' output and the commands say that the folder is missing. */
export const mesa26Missing = existsSync(loader)
  ? undefined
  : `skipped: no Mesa 26 in ${mesa26Folder} (TRIXIE names another folder)`;

/**
 * The command that runs this node on Mesa 26.
 * @param {{ driver?: 'lvp' | 'nouveau' | 'radeon', shim?: 'nouveau' | 'amdgpu' }} options `driver`: which of Mesa's;
 *   `shim`: the kernel driver that is pretended
 */
export function mesa26Command({ driver = 'lvp', shim } = {}) {
  const description = JSON.parse(
    readFileSync(path.join(mesa26Folder, `usr/share/vulkan/icd.d/${driver}_icd.json`), 'utf8'),
  );
  description.ICD.library_path = path.join(libraries, path.basename(description.ICD.library_path));
  const icd = path.join(mkdtempSync(path.join(os.tmpdir(), 'faprompt-icd-')), `${driver}.json`);
  writeFileSync(icd, JSON.stringify(description));
  return {
    command: loader,
    args: [
      ...(shim ? ['--preload', path.join(libraries, `lib${shim}_noop_drm_shim.so`)] : []),
      '--library-path',
      `${libraries}:${path.join(mesa26Folder, 'lib/x86_64-linux-gnu')}`,
      process.execPath,
    ],
    env: { VK_DRIVER_FILES: icd, VK_ICD_FILENAMES: icd, MESA_SHADER_CACHE_DISABLE: '1' },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
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
}

// Runs node on Mesa 26's drivers from a folder beside the system: its software adapter, or a pretended GPU whose driver
// compiles and computes nothing. docs: bench/README.md, "Without a GPU".
//
// with-mesa26.mjs is the command.
//
// The folder is a Debian root with mesa-vulkan-drivers 26, mesa-drm-shim and libvulkan1: TRIXIE, or ~/trixie.
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

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

// The software Vulkan driver unpacked into the user's cache folder: where it is and the environment that it needs.
import { existsSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { probe } from './probe.mjs';

/** Where the driver is, or would be, unpacked. */
export function driverFolder(env = process.env) {
  // The XDG specification says that a relative path is to be ignored.
  const cache = env.XDG_CACHE_HOME;
  return path.join(
    cache && path.isAbsolute(cache) ? cache : path.join(os.homedir(), '.cache'),
    'faprompt',
    'vulkan',
  );
}

/** The Vulkan loader's description of the unpacked driver, written last of all. */
export const driverManifest = (folder) => path.join(folder, 'lvp_icd.json');

/** The folders of `folder`'s shared libraries: lib and usr/lib, each with the machine's triplet. */
export function libraryFolders(folder) {
  return ['usr/lib', 'lib'].flatMap((lib) => {
    const parent = path.join(folder, lib);
    if (!existsSync(parent)) return [];
    const triplets = readdirSync(parent).filter((name) => name.includes('-linux-gnu'));
    return triplets.map((name) => path.join(parent, name));
  });
}

/** `env` with the unpacked driver in it, or undefined where none is unpacked. */
export function driverEnvironment(env = process.env) {
  const folder = driverFolder(env);
  const manifest = driverManifest(folder);
  if (!existsSync(manifest)) return undefined;
  return {
    ...env,
    VK_DRIVER_FILES: manifest,
    VK_ICD_FILENAMES: manifest, // the same for Vulkan loaders before 1.3.207
    LD_LIBRARY_PATH: [...libraryFolders(folder), ...(env.LD_LIBRARY_PATH ? [env.LD_LIBRARY_PATH] : [])].join(
      ':',
    ),
  };
}

/**
 * The environment in which `env`'s programs find an adapter by the unpacked driver, or undefined where they need no
 * change: none is unpacked, it is set already, or the machine has an adapter of its own. Costs a process only where a
 * driver is unpacked.
 */
export function neededEnvironment(env = process.env) {
  const wanted = driverEnvironment(env);
  if (!wanted || wanted.VK_DRIVER_FILES === env.VK_DRIVER_FILES || probe(env).adapter) return undefined;
  return wanted;
}

// Makes sure that this machine has a WebGPU adapter: says which, or installs Mesa's software Vulkan driver.
// FAPROMPT_SETUP=user unpacks the driver into the user's cache folder even for root.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { installAsRoot, unpackAsUser } from './vulkan/apt.mjs';
import { driverEnvironment, driverFolder } from './vulkan/driver.mjs';
import { installPlan } from './vulkan/plan.mjs';
import { describe, probe } from './vulkan/probe.mjs';

/** Says so if the machine, or else the unpacked driver, offers an adapter. Returns what the machine itself answered. */
function report() {
  const own = probe();
  if (own.adapter) console.log(`WebGPU adapter: ${describe(own.adapter)}`);
  const env = own.adapter ? undefined : driverEnvironment();
  const unpacked = env && probe(env);
  if (unpacked?.adapter)
    console.log(`WebGPU adapter: ${describe(unpacked.adapter)}, driver in ${driverFolder()}`);
  return { found: Boolean(own.adapter ?? unpacked?.adapter), ...own, reason: unpacked?.reason ?? own.reason };
}

/** Why no driver can help, where that is so. */
function obstacle({ reason, code }) {
  if (code === 'ERR_MODULE_NOT_FOUND')
    return 'The npm package webgpu is not installed: run `npm install webgpu sharp` (in a clone `npm ci`) first.';
  if (code === 'MODULE_NOT_FOUND') return `Dawn has no build for ${process.platform} on ${process.arch}.`;
  if (/version `GLIBC/.test(reason)) {
    return `This system is too old for Dawn: Debian 12, Ubuntu 22.04 or the like is needed.\n${reason}`;
  }
  return undefined;
}

/** @throws Error with what to do where nothing can be installed */
export function setup() {
  const before = report();
  if (before.found) return;
  const hopeless = obstacle(before);
  if (hopeless) throw new Error(hopeless);
  console.log(`No WebGPU adapter on this machine (${before.reason}).`);

  const osRelease = ['/etc/os-release', '/usr/lib/os-release'].find((file) => existsSync(file));
  const plan = installPlan({
    osRelease: osRelease ? readFileSync(osRelease, 'utf8') : '',
    uid: process.env.FAPROMPT_SETUP === 'user' ? -1 : (process.geteuid?.() ?? -1),
    platform: process.platform,
  });
  if (plan.kind === 'advice') throw new Error(plan.text);
  if (plan.as === 'root') {
    console.log("Installing Mesa's software Vulkan driver (lavapipe) on this system:");
    installAsRoot(plan);
  } else {
    console.log(
      `Unpacking Mesa's software Vulkan driver (lavapipe) into ${driverFolder()}; the system stays as it is:`,
    );
    unpackAsUser(plan);
  }
  const after = report();
  if (!after.found)
    throw new Error(
      `The driver is there now, but there is still no WebGPU adapter: ${after.reason}\nMesa 23.2 or newer is needed.`,
    );
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  try {
    setup();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}

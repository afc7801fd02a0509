// The only file that knows Dawn's Node binding.
import os from 'node:os';
import v8 from 'node:v8';
import vm from 'node:vm';
import { loadPeer } from '../base/peer.node.ts';
import type { AdapterSource } from './adapter.ts';
import { GpuError } from './errors.ts';

/**
 * Dawn's `GPU` objects, by their toggles. They must outlive everything made from them: once one is collected the process
 * dies at a later moment.
 */
const held = new Map<string, GPU>();
let calmed = false;

/**
 * Dawn polls for finished work by a chain of `setImmediate` calls, which occupies a core that a software adapter
 * needs. Its callbacks (native, nameless) are run at once for the first milliseconds of a wait, so that short work
 * returns quickly, and then once a millisecond.
 */
function calmDawnPolling(): void {
  if (calmed) return;
  calmed = true;
  const original = globalThis.setImmediate;
  const spin = 2; // ms of a wait that are spent spinning
  const pause = 100; // ms without a poll that end a wait
  let waitingSince = 0;
  let lastPoll = 0;
  const patched = <Args extends unknown[]>(callback: (...args: Args) => void, ...args: Args) => {
    const native =
      callback.name === '' && Function.prototype.toString.call(callback).includes('[native code]');
    if (!native) return original(callback, ...args);
    const now = performance.now();
    if (now - lastPoll > pause) waitingSince = now;
    lastPoll = now;
    return now - waitingSince < spin ? original(callback, ...args) : setTimeout(callback, 1, ...args);
  };
  globalThis.setImmediate = Object.assign(patched, original) as typeof setImmediate;
}

const installHint: Partial<Record<NodeJS.Platform, string>> = {
  linux:
    'run `npx faprompt setup`, or install a Vulkan driver (Debian, Ubuntu: mesa-vulkan-drivers libvulkan1)',
};

/** Bundlers of a server leave the import alone: where the package is missing, only the device cannot be opened. */
const loadDawn = () =>
  loadPeer(
    () => import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ 'webgpu'),
    'webgpu',
    'open a GPU',
  );

export const adapterSource: AdapterSource = {
  async open({ boundsChecks }) {
    const { create, globals } = await loadDawn();
    Object.assign(globalThis, globals);
    calmDawnPolling();
    const toggles = [
      'vulkan_enable_f16_on_nvidia',
      'allow_unsafe_apis', // subgroup matrices: no standard has them yet
      ...(boundsChecks ? [] : ['disable_robustness']),
      ...(process.env.FAPROMPT_DAWN_TOGGLES?.split(',') ?? []), // for measurements
    ].join();
    const instance =
      held.get(toggles) ??
      create([
        `enable-dawn-features=${toggles}`,
        'disable-dawn-features=timestamp_quantization', // 65 us steps hide most kernels
      ]);
    held.set(toggles, instance);
    const adapter = await instance.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) {
      throw new GpuError(
        'no-adapter',
        `no WebGPU adapter found: ${installHint[process.platform] ?? 'install a Vulkan, Metal or D3D12 driver'}`,
      );
    }
    return adapter;
  },
  collect() {
    v8.setFlagsFromString('--expose-gc'); // for new contexts only
    (vm.runInNewContext('gc') as () => void)();
  },
  release() {
    held.clear(); // while one is referenced the process does not end
  },
  softwareMemory: () => Math.floor(os.totalmem() * 0.8),
};

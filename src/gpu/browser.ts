import type { AdapterSource } from './adapter.ts';
import { GpuError } from './errors.ts';

export const adapterSource: AdapterSource = {
  async open() {
    if (!('gpu' in navigator))
      throw new GpuError(
        'no-webgpu',
        'this browser has no WebGPU: Chrome or Edge 113, Safari 26, Firefox 141 or newer have it',
      );
    const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter)
      throw new GpuError(
        'no-adapter',
        'WebGPU is present, but the browser offers no adapter: check that hardware acceleration is on',
      );
    return adapter;
  },
  release() {},
  collect() {},
  softwareMemory: () => 4 * 2 ** 30,
};

import { formatBytes, GpuError } from './errors.ts';

/** Buffer allocation with a count of what is held: the figure that a plan's prediction is compared with. */
export interface Memory {
  readonly allocated: number;
  readonly peak: number;
  readonly budget: number;
  /** Starts a new measurement of `peak`. */
  resetPeak(): void;
  /** A storage buffer of at least `size` bytes. @throws GpuError 'limit-too-small' or 'out-of-memory'. */
  allocate(size: number, label: string, usage?: GPUBufferUsageFlags): GPUBuffer;
  free(buffer: GPUBuffer): void;
}

/** Buffer sizes are multiples of this: binding offsets and clears need it. */
export const alignment = 256;
export const align = (size: number): number => Math.max(alignment, Math.ceil(size / alignment) * alignment);

export function createMemory(device: GPUDevice, budget: number): Memory {
  let allocated = 0;
  let peak = 0;
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  return {
    get allocated() {
      return allocated;
    },
    get peak() {
      return peak;
    },
    budget,
    resetPeak() {
      peak = allocated;
    },
    allocate(size, label, usage) {
      const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
      const limit =
        usage === undefined ? Math.min(maxBufferSize, maxStorageBufferBindingSize) : maxBufferSize;
      const bytes = align(size);
      if (size > limit) {
        throw new GpuError(
          'limit-too-small',
          `"${label}" needs ${formatBytes(size)} in one buffer; this adapter allows ${formatBytes(limit)}`,
        );
      }
      if (allocated + bytes > budget) {
        throw new GpuError(
          'out-of-memory',
          `"${label}" needs ${formatBytes(bytes)}; ${formatBytes(allocated)} of the budget of ${formatBytes(budget)} are in use: use a smaller batch, image or model`,
        );
      }
      const buffer = device.createBuffer({
        label,
        size: Math.min(bytes, maxBufferSize),
        usage: usage ?? storage,
      });
      allocated += buffer.size;
      peak = Math.max(peak, allocated);
      return buffer;
    },
    free(buffer) {
      allocated -= buffer.size;
      buffer.destroy();
    },
  };
}

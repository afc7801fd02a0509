// Outputs on their way to the host. A run's are copied into staging of its own, so that the next run may compute
// while they are mapped.
import type { Gpu } from '../gpu/gpu.ts';
import { align } from '../gpu/memory.ts';
import { byteLength, type Tensor } from '../kernels/tensor.ts';
import { type HostData, hostView } from './device-tensor.ts';
import { runsInFlight } from './plan.ts';

export interface Readback {
  /**
   * The copies of the outputs named by `names`, to be submitted behind the work, and how to wait for them.
   * @throws Error for an unknown name, or where `runsInFlight` results are being waited for
   */
  begin(names: readonly string[]): {
    readonly commands: GPUCommandBuffer[];
    results(): Promise<Record<string, HostData>>;
  };
}

/**
 * @param staging `bytes` of the outputs together; `own` receives the buffers, which the caller frees
 * @param locate where an output lies
 */
export function createReadback(
  gpu: Gpu,
  outputs: Readonly<Record<string, Tensor>>,
  { bytes, own }: { readonly bytes: number; readonly own: GPUBuffer[] },
  locate: (output: Tensor) => { buffer: GPUBuffer; offset: number },
): Readback {
  const { device, memory } = gpu;
  const free: GPUBuffer[] = [];
  for (let i = 0; i < runsInFlight; i += 1) {
    const staging = memory.allocate(bytes, 'readback', GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    own.push(staging); // at once: the next may not fit
    free.push(staging);
  }
  return {
    begin(names) {
      if (names.length === 0) return { commands: [], results: async () => ({}) };
      const tensors = names.map((name) => {
        const tensor = outputs[name];
        if (!tensor) throw new Error(`no output named "${name}" in this graph`);
        return [name, tensor] as const;
      });
      const staging = free.pop();
      if (!staging)
        throw new Error(`${runsInFlight} runs are under way: wait for the results of one before the next`);
      const copies = device.createCommandEncoder();
      let end = 0;
      const places = tensors.map(([name, tensor]) => {
        const { buffer, offset } = locate(tensor);
        const at = end;
        copies.copyBufferToBuffer(buffer, offset, staging, at, byteLength(tensor));
        end += align(byteLength(tensor));
        return [name, tensor, at] as const;
      });
      return {
        commands: [copies.finish()],
        async results() {
          try {
            await gpu.guard(staging.mapAsync(GPUMapMode.READ, 0, end));
            const mapped = staging.getMappedRange(0, end);
            return Object.fromEntries(
              places.map(([name, tensor, at]) => [name, hostView(tensor, mapped, at)]),
            );
          } finally {
            staging.unmap();
            free.push(staging);
          }
        },
      };
    },
  };
}

import { GpuError } from '../gpu/errors.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { recordStep, type Step } from './steps.ts';

/** Time of one dispatch. */
export interface DispatchTime {
  readonly op: string;
  readonly shader: string;
  readonly milliseconds: number;
  readonly flops: number;
  /** Of the node's inputs and first output. */
  readonly shapes: string;
}

/** Runs the steps once, each in a pass of its own between two GPU timestamps. @throws if the adapter has none. */
export async function profile(gpu: Gpu, steps: readonly Step[]): Promise<DispatchTime[]> {
  const { device, memory } = gpu;
  if (!gpu.capabilities.timestamps)
    throw new GpuError('limit-too-small', 'this adapter has no timestamp queries');
  const perSet = 2048; // dispatches; a query set holds at most 4096 queries
  const times: DispatchTime[] = [];
  for (let start = 0; start < steps.length; start += perSet) {
    const part = steps.slice(start, start + perSet);
    const querySet = device.createQuerySet({ type: 'timestamp', count: 2 * part.length });
    const own: GPUBuffer[] = [];
    const allocate = (label: string, usage: GPUBufferUsageFlags) => {
      const buffer = memory.allocate(16 * part.length, label, usage);
      own.push(buffer);
      return buffer;
    };
    try {
      const resolved = allocate('timestamps', GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC);
      const staging = allocate('readback', GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
      const encoder = device.createCommandEncoder();
      part.forEach((step, i) => {
        const pass = encoder.beginComputePass({
          timestampWrites: { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 },
        });
        recordStep(pass, step);
        pass.end();
      });
      encoder.resolveQuerySet(querySet, 0, 2 * part.length, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16 * part.length);
      device.queue.submit([encoder.finish()]);
      await gpu.guard(staging.mapAsync(GPUMapMode.READ));
      const stamps = new BigUint64Array(staging.getMappedRange());
      part.forEach(({ op, shader, flops, shapes }, i) => {
        times.push({
          op,
          shader,
          flops,
          shapes: shapes(),
          milliseconds: Number(stamps[2 * i + 1]! - stamps[2 * i]!) / 1e6,
        });
      });
    } finally {
      for (const buffer of own) memory.free(buffer);
      querySet.destroy();
    }
  }
  return times;
}

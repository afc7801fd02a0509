// Sentinels around tensors: a shader that writes outside its tensor changes them, one that reads outside gets NaN.
import type { Gpu } from '../gpu/gpu.ts';
import { alignment } from '../gpu/memory.ts';
import { describe, exactBytes } from '../kernels/tensor.ts';
import { writeBuffer } from './device-tensor.ts';
import type { Graph } from './graph.ts';

const sentinel = 0x7fc0dead; // a NaN
const margin = 2 * alignment;

export interface Guards {
  /** Where a tensor begins in its buffer. */
  readonly offset: number;
  padded(bytes: number): number;
  /** Binds the tensor and the margin behind it: WebGPU's bounds checks would otherwise hide a write past the end. */
  binding(buffer: GPUBuffer, bytes: number): GPUBufferBinding;
  fill(buffers: ReadonlyMap<number, GPUBuffer>, graph: Graph): void;
  /** @throws naming the tensor whose surroundings were written. */
  check(buffers: ReadonlyMap<number, GPUBuffer>, graph: Graph): Promise<void>;
}

/** For tests: the executor fills the margins before a run and checks them behind it. */
export function createGuards(gpu: Gpu): Guards {
  /** Exact end of the elements, rounded up to the word that holds the last one. */
  const end = (graph: Graph, storage: number) => margin + Math.ceil(exactBytes(graph.spec(storage)) / 4) * 4;
  const words = (bytes: number) => new Int32Array(bytes / 4).fill(sentinel);
  return {
    offset: margin,
    padded: (bytes) => bytes + 2 * margin,
    binding: (buffer, bytes) => ({
      buffer,
      offset: margin,
      size: Math.min(bytes + margin, buffer.size - margin),
    }),
    fill(buffers, graph) {
      for (const [storage, buffer] of buffers) {
        writeBuffer(gpu, buffer, 0, words(margin));
        const from = end(graph, storage);
        writeBuffer(gpu, buffer, from, words(buffer.size - from));
        // A result that is never written must not pass for a zero.
        if (!graph.leaves.has(storage)) writeBuffer(gpu, buffer, margin, words(from - margin));
      }
    },
    async check(buffers, graph) {
      for (const [storage, buffer] of buffers) {
        const staging = gpu.memory.allocate(
          buffer.size,
          'guards',
          GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
        );
        try {
          const encoder = gpu.device.createCommandEncoder();
          encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
          gpu.device.queue.submit([encoder.finish()]);
          await gpu.guard(staging.mapAsync(GPUMapMode.READ));
          const found = new Int32Array(staging.getMappedRange());
          const behind = end(graph, storage) / 4;
          const stray = found.findIndex((word, i) => (i < margin / 4 || i >= behind) && word !== sentinel);
          if (stray >= 0) {
            throw new Error(
              `a shader wrote ${stray * 4 - margin} bytes from the start of ${describe(graph.spec(storage))}, outside of it`,
            );
          }
        } finally {
          gpu.memory.free(staging);
        }
      }
    },
  };
}

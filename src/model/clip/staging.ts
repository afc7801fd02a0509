// Preprocessed images on the device, waiting to be encoded together; and how many are encoded together.
import type { Gpu } from '../../gpu/gpu.ts';
import { align } from '../../gpu/memory.ts';
import type { DeviceSlice } from '../../graph/device-tensor.ts';
import { byteLength, f32 } from '../../kernels/tensor.ts';
import type { EncoderTarget } from './image-encoder.ts';
import { planImage } from './image-graph.ts';
import type { ImageNeeds } from './needs.ts';
import { createPreprocessor, type Pixels } from './preprocess.ts';
import type { Clip } from './weights.ts';

export interface Staging {
  readonly places: number;
  /** Brings a decoded image into a place, f32 [3, S, S]; its pixels are not needed any more then. @throws GpuError */
  put(image: Pixels, place: number): Promise<DeviceSlice>;
  dispose(): void;
}

const stagingBytes = (size: number, places: number): number => places * byteLength(f32(3, size, size));

export function createStaging({ gpu, clip, size, needs }: EncoderTarget, places: number): Staging {
  const preprocessor = createPreprocessor(gpu, size, needs.filter, clip.config.pixels);
  let buffer: GPUBuffer | undefined;
  return {
    places,
    async put(image, place) {
      buffer ??= gpu.memory.allocate(stagingBytes(size, places), 'images to encode');
      const slice = { buffer, offset: stagingBytes(size, place) };
      await preprocessor.runInto(image, slice);
      return slice;
    },
    dispose() {
      preprocessor.dispose();
      if (buffer) gpu.memory.free(buffer);
      buffer = undefined;
    },
  };
}

/** Images that are encoded together where there is room for them. */
const wanted = { gpu: 8, software: 4 };
/** Bytes of GPU memory that the graph for them may take. */
const mostBytes = 2 ** 30;

type Sizes = readonly [clip: Pick<Clip, 'config' | 'weightSpec'>, size: number, needs: ImageNeeds];

/** How many images are encoded together on an adapter: a power of two. */
export function imageBatch({ capabilities, device, memory }: Gpu, ...sizes: Sizes): number {
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  return batchWithin(capabilities.software ? wanted.software : wanted.gpu, sizes, {
    bytes: Math.min(mostBytes, (memory.budget - memory.allocated) / 4),
    slot: Math.min(maxBufferSize, maxStorageBufferBindingSize),
  });
}

/** The same on a GPU without limits of its own. */
export const plannedImageBatch = (...sizes: Sizes): number =>
  batchWithin(wanted.gpu, sizes, { bytes: mostBytes, slot: Number.POSITIVE_INFINITY });

function batchWithin(
  most: number,
  sizes: Sizes,
  room: { readonly bytes: number; readonly slot: number },
): number {
  let batch = most;
  for (; batch > 1; batch /= 2) {
    const { bytes, slots } = planImage(...sizes, batch);
    if (bytes.total - bytes.parameters <= room.bytes && slots.every((slot) => slot.bytes <= room.slot)) break;
  }
  return batch;
}

/** Bytes of GPU memory that encoding takes at the most, in batches of `batch` and what is left over, weights apart. */
export function encodingBytes(...[clip, size, needs, batch]: readonly [...Sizes, batch: number]): number {
  const powers = Array.from({ length: Math.ceil(Math.log2(batch)) }, (_, i) => 2 ** i);
  return [...powers, batch].reduce(
    (sum, count) => {
      const { bytes } = planImage(clip, size, needs, count);
      return sum + bytes.total - bytes.parameters;
    },
    align(stagingBytes(size, 2 * batch)),
  );
}

// Preprocessed images on the device, waiting to be encoded together; and how many are encoded together.
import type { Gpu } from '../../gpu/gpu.ts';
import type { DeviceSlice } from '../../graph/device-tensor.ts';
import { byteLength, f32 } from '../../kernels/tensor.ts';
import { planImage } from './image-encoder.ts';
import type { ImageNeeds } from './needs.ts';
import { createPreprocessor, type Pixels } from './preprocess.ts';
import type { Clip } from './weights.ts';

export interface Staging {
  readonly places: number;
  /** Bytes that it holds on the device. */
  readonly bytes: number;
  /** Brings a decoded image into a place, f32 [3, S, S]; its pixels are not needed any more then. @throws GpuError */
  put(image: Pixels, place: number): Promise<DeviceSlice>;
  dispose(): void;
}

/** @param size side of the preprocessed images in pixels */
export function createStaging(
  gpu: Gpu,
  { config }: Pick<Clip, 'config'>,
  size: number,
  { filter }: Pick<ImageNeeds, 'filter'>,
  places: number,
): Staging {
  const preprocessor = createPreprocessor(gpu, size, filter, config.pixels);
  const bytes = byteLength(f32(3, size, size));
  let buffer: GPUBuffer | undefined;
  return {
    places,
    get bytes() {
      return buffer?.size ?? 0;
    },
    async put(image, place) {
      buffer ??= gpu.memory.allocate(places * bytes, 'images to encode');
      const slice = { buffer, offset: place * bytes };
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

/** How many images are encoded together on an adapter: a power of two. */
export function imageBatch(
  { capabilities, device, memory }: Gpu,
  clip: Pick<Clip, 'config' | 'weightSpec'>,
  size: number,
  needs: ImageNeeds,
): number {
  const most = Math.min(mostBytes, (memory.budget - memory.allocated) / 4);
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  const largest = Math.min(maxBufferSize, maxStorageBufferBindingSize);
  let batch = capabilities.software ? wanted.software : wanted.gpu;
  for (; batch > 1; batch /= 2) {
    const { bytes, slots } = planImage(clip, size, needs, batch);
    if (bytes.total - bytes.parameters <= most && slots.every((slot) => slot.bytes <= largest)) break;
  }
  return batch;
}

// Images whose features stay on the device: an epoch after the first uploads nothing for them.
import type { Gpu } from '../gpu/gpu.ts';
import { align } from '../gpu/memory.ts';
import { type DeviceSlice, type HostData, writeBuffer } from '../graph/device-tensor.ts';
import type { Feeds } from '../graph/feeds.ts';
import type { ImageProblem, TrainingImage, TrainingSource } from './source.ts';

/** What a step takes of an image: from the host, or from where it lies on the device. */
export interface StepImage extends Omit<TrainingImage, 'features' | 'mask'> {
  readonly features: Readonly<Record<string, Float32Array | DeviceSlice>>;
  readonly mask?: Uint8Array | DeviceSlice;
}

export interface ResidentImages {
  /** An image of the source; one that was kept is not asked for again. */
  load(index: number): Promise<StepImage | ImageProblem>;
  /** Images on the device, and the bytes that they take. */
  readonly kept: { readonly images: number; readonly bytes: number };
  dispose(): void;
}

/** Bytes of a buffer for several images: a GPU gives out memory in few large pieces. */
const slabBytes = 2 ** 28;

/**
 * Most bytes that images may take on the device unless it is said otherwise: 4 GiB, one of the adapter's largest
 * buffers, and half of what the memory budget has left. WebGPU does not tell how much memory an adapter has; where the
 * device gives less, fewer images are kept.
 */
export const residentBudget = ({ device, memory }: Gpu): number =>
  Math.max(0, Math.min(2 ** 32, device.limits.maxBufferSize, (memory.budget - memory.allocated) / 2));

/**
 * Images of a source, kept on the device in the order in which they are first asked for, as long as they fit.
 * @param budget bytes; 0: none is kept
 */
export function createResidentImages(
  gpu: Gpu,
  source: TrainingSource,
  budget: number = residentBudget(gpu),
): ResidentImages {
  const images = new Map<number, StepImage>();
  const slabs: GPUBuffer[] = [];
  let free = { at: 0, end: 0 };
  let bytes = 0;
  let full = budget <= 0;

  /** Room for an image, in the last slab or a new one; undefined: there is none. */
  const reserve = async (needed: number): Promise<DeviceSlice | undefined> => {
    if (free.at + needed > free.end) {
      const expected = needed * (source.count - images.size);
      const size = Math.min(
        Math.max(Math.min(expected, slabBytes), needed),
        budget - bytes,
        gpu.device.limits.maxBufferSize,
      );
      const slab = size >= needed ? await allocate(gpu, size) : undefined;
      if (!slab) return undefined;
      slabs.push(slab);
      bytes += slab.size;
      free = { at: 0, end: slab.size };
    }
    const slice = { buffer: slabs.at(-1)!, offset: free.at };
    free.at += needed;
    return slice;
  };
  const keep = async (image: TrainingImage): Promise<StepImage | undefined> => {
    const { features, mask, ...rest } = image;
    // Copies on the device are of whole words.
    const kept = mask && mask.length % 4 === 0 ? mask : undefined;
    const all: HostData[] = [...Object.values(features), ...(kept ? [kept] : [])];
    const room = await reserve(all.reduce((sum, data) => sum + data.byteLength, 0));
    if (!room) return undefined;
    let { offset } = room;
    const put = (data: HostData): DeviceSlice => {
      writeBuffer(gpu, room.buffer, offset, data);
      const slice = { buffer: room.buffer, offset };
      offset += data.byteLength;
      return slice;
    };
    return {
      ...rest,
      features: Object.fromEntries(Object.entries(features).map(([name, values]) => [name, put(values)])),
      ...(kept ? { mask: put(kept) } : mask ? { mask } : {}),
    };
  };

  let last: Promise<unknown> = Promise.resolve();
  return {
    async load(index) {
      const known = images.get(index);
      if (known) return known;
      const image = await source.load(index);
      if ('problem' in image || full) return image;
      const turn = last.then(async () => {
        const kept = full ? undefined : await keep(image);
        if (kept) images.set(index, kept);
        else full = true;
        return kept ?? image;
      });
      last = turn.catch(() => {});
      return turn;
    },
    get kept() {
      return { images: images.size, bytes };
    },
    dispose() {
      for (const slab of slabs) gpu.memory.free(slab);
      slabs.length = 0;
      images.clear();
    },
  };
}

/** A buffer to copy from, or undefined where the device has no memory left for it: that ends no training. */
async function allocate(gpu: Gpu, size: number): Promise<GPUBuffer | undefined> {
  const { memory } = gpu;
  if (memory.allocated + align(size) > memory.budget) return undefined;
  gpu.device.pushErrorScope('out-of-memory');
  const buffer = memory.allocate(size, 'images', GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST);
  const error = await gpu.guard(gpu.device.popErrorScope());
  if (!error) return buffer;
  memory.free(buffer);
  return undefined;
}

/** The step graph's inputs for a batch of images of `size` pixels a side. */
export function stepFeeds(images: readonly StepImage[], size: number): Feeds {
  const none = new Uint8Array(size * size);
  const masks = images.map(({ mask = none }) => mask);
  return {
    ...Object.fromEntries(
      Object.keys(images[0]!.features).map((name) => [name, images.map(({ features }) => features[name]!)]),
    ),
    masks: none.length % 4 === 0 ? masks : join(masks as Uint8Array[]),
    classes: Int32Array.from(images, ({ anomalous }) => Number(anomalous)),
    labels: Float32Array.from(images, ({ anomalous }) => Number(anomalous)),
  };
}

/** Masks that are no whole words, which are all on the host. */
function join(masks: readonly Uint8Array[]): Uint8Array {
  const length = masks[0]!.length;
  const joined = new Uint8Array(masks.length * length);
  masks.forEach((mask, i) => {
    joined.set(mask, i * length);
  });
  return joined;
}

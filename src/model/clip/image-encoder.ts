// The image encoder, ready to run on images of one size, some of them at a time.

import { isTooLarge } from '../../gpu/errors.ts';
import type { Gpu } from '../../gpu/gpu.ts';
import {
  type DeviceSlice,
  type DeviceTensor,
  type DeviceView,
  readSlice,
} from '../../graph/device-tensor.ts';
import { compile, type Executable, type RunOptions } from '../../graph/executor.ts';
import type { Feeds } from '../../graph/feeds.ts';
import { elements, exactBytes, f32 } from '../../kernels/tensor.ts';
import { buildImageGraph, imageArrangement } from './image-graph.ts';
import { anovlViews, clipNeeds, featureShapes, type ImageNeeds } from './needs.ts';
import { createPreprocessor, type Pixels, preprocessImage } from './preprocess.ts';
import { augment } from './views.ts';
import { bindWeights, type Clip } from './weights.ts';

/** Features of one image, on the host, by the names of `featureShapes`. */
export type HostFeatures = Readonly<Record<string, Float32Array>>;

/** The same on the host, or on the device, where the encoder's next call overwrites them. */
export type Features = Readonly<Record<string, Float32Array | DeviceTensor | DeviceView>>;

export interface ImageEncoder {
  /** The graph that was compiled first. @throws Error where none is yet */
  readonly executable: Executable;
  /** Graphs so far, each for a number of images. */
  readonly compiled: readonly Executable[];
  /** Images that one run takes at the most. */
  readonly batch: number;
  /** Encodes preprocessed images, each [3, S, S]. */
  encode(images: readonly Float32Array[], options?: RunOptions): Promise<HostFeatures[]>;
  /**
   * Features of a decoded image: nothing leaves the device. Done with one image before the next.
   * @throws GpuError, also if the image does not fit the adapter
   */
  encodePixels(image: Pixels, options?: RunOptions): Promise<Features>;
  /** The same, to the host. */
  readPixels(image: Pixels, options?: RunOptions): Promise<HostFeatures>;
  /**
   * Features of images that lie preprocessed on the device (Staging): of the first ones, as many as one call has room for,
   * at least one. They stay on the device, until the next call, or with `read` come to the host. An image has the same
   * features, to the bit, whatever its batch. @throws GpuError
   */
  encodeStaged(images: readonly DeviceSlice[], read: boolean): Promise<Features[]>;
  dispose(): void;
}

/** What an encoder is made for. */
export interface EncoderTarget {
  readonly gpu: Gpu;
  readonly clip: Clip;
  /** Side of the preprocessed images in pixels. */
  readonly size: number;
  readonly needs: ImageNeeds;
}

/** The graph for a number of images. */
interface Compiled {
  readonly executable: Executable;
  readonly batch: number;
  /** Features that the graph computes. */
  readonly names: readonly string[];
}

async function compileImages({ gpu, clip, size, needs }: EncoderTarget, batch: number): Promise<Compiled> {
  const { model, outputs } = buildImageGraph(clip, size, batch, needs);
  const executable = await compile(gpu, model.graph, outputs, {
    parameters: bindWeights(clip, model.weights),
    ...imageArrangement(batch),
  });
  const names = [...featureShapes(needs, clip.config, size).keys()].filter((name) => name in outputs);
  return { executable, batch, names };
}

export interface EncoderOptions {
  /** Images that one run takes at the most; default 1. */
  readonly batch?: number;
  /** Images that a graph is compiled for at once; 0: none before it is needed. Default: `batch`. */
  readonly ready?: number;
  /** Smaller batches, where the adapter has no room for graphs of `batch`; default: an error. */
  readonly yielding?: boolean;
}

/** @throws GpuError */
export async function createImageEncoder(
  target: EncoderTarget,
  { batch = 1, ready = batch, yielding = false }: EncoderOptions = {},
): Promise<ImageEncoder> {
  const { gpu, clip, size, needs } = target;
  const graphs = new Map<number, Compiled>();
  const graphFor = async (count: number): Promise<Compiled> => {
    const made = graphs.get(count) ?? (await compileImages(target, count));
    graphs.set(count, made);
    return made;
  };
  let most = batch;
  /** Graphs for so many images: none twice, as its outputs are those of its last run. */
  const graphsFor = async (count: number): Promise<Compiled[]> => {
    const found: Compiled[] = [];
    for (const part of partsOf(count, most)) {
      try {
        found.push(await graphFor(part));
      } catch (error) {
        if (!yielding || part === 1 || !isTooLarge(error)) throw error;
        most = largestPower(part - 1);
        return graphsFor(Math.min(count, most));
      }
    }
    return found;
  };
  const imageSpec = f32(3, size, size);
  let views: ViewEncoder | undefined;
  const preprocessor = createPreprocessor(gpu, size, needs.filter, clip.config.pixels);
  const dispose = () => {
    for (const { executable } of graphs.values()) executable.dispose();
    preprocessor.dispose();
    views?.dispose();
  };
  try {
    if (ready > 0) await graphFor(ready);
    if (needs.views === 'anovl') views = await createViewEncoder(target);
  } catch (error) {
    dispose();
    throw error;
  }
  /** To the host. @param hostImages the same as `images`, for views */
  const read = async (
    { executable, batch: count, names }: Compiled,
    images: Feeds[string],
    hostImages: readonly Float32Array[] | undefined,
    options?: RunOptions,
  ): Promise<HostFeatures[]> => {
    const result = await executable.run({ images }, names, options);
    const features: HostFeatures[] = [];
    for (let i = 0; i < count; i += 1) {
      const own = names.map((name) => [name, share(result[name] as Float32Array, i, count)]);
      const others = views && hostImages ? { views: await views.encode(hostImages[i]!, options) } : {};
      features.push({ ...Object.fromEntries(own), ...others });
    }
    return features;
  };
  const encoder: ImageEncoder = {
    get executable() {
      const [first] = graphs.values();
      if (!first) throw new Error('no graph of the image encoder is compiled yet');
      return first.executable;
    },
    get compiled() {
      return [...graphs.values()].map(({ executable }) => executable);
    },
    batch,
    async encodePixels(image, options) {
      if (views) return encoder.readPixels(image, options);
      const graph = await graphFor(1);
      await graph.executable.run({ images: await preprocessor.run(image) }, [], options);
      return onDevice(graph, 0);
    },
    async readPixels(image, options) {
      const hostImages = views && [
        await preprocessImage(gpu, image, size, { filter: needs.filter, scale: clip.config.pixels }),
      ];
      const images = hostImages?.[0] ?? (await preprocessor.run(image));
      return (await read(await graphFor(1), images, hostImages, options))[0]!;
    },
    async encode(images, options) {
      const features: HostFeatures[] = [];
      while (features.length < images.length) {
        const graph = (await graphsFor(Math.min(most, images.length - features.length)))[0]!;
        const part = images.slice(features.length, features.length + graph.batch);
        features.push(...(await read(graph, part, part, options)));
      }
      return features;
    },
    async encodeStaged(images, toHost) {
      const features: Features[] = [];
      for (const graph of await graphsFor(Math.min(most, images.length))) {
        const part = images.slice(features.length, features.length + graph.batch);
        if (toHost || views) {
          const hostImages =
            views &&
            (await Promise.all(
              part.map((slice) => readSlice(gpu, slice, imageSpec) as Promise<Float32Array>),
            ));
          features.push(...(await read(graph, part, hostImages)));
        } else {
          await graph.executable.run({ images: part });
          features.push(...part.map((_, i) => onDevice(graph, i)));
        }
      }
      return features;
    },
    dispose,
  };
  return encoder;
}

/** `count` as the sum of different numbers of images: `most`, if it is that, or powers of two, the largest first. */
export function partsOf(count: number, most: number): number[] {
  if (count === most) return [most];
  const parts: number[] = [];
  for (let left = count; left > 0; left -= parts.at(-1)!) parts.push(largestPower(left));
  return parts;
}

const largestPower = (most: number): number => 2 ** Math.floor(Math.log2(most));

/** The features of image `i` where the graph has left them. */
const onDevice = ({ executable, names }: Compiled, i: number): Features =>
  Object.fromEntries(
    names.map((name) => {
      const { shape, dtype, buffer } = executable.tensor(name);
      const spec = { shape: [1, ...shape.slice(1)], dtype };
      return [name, { ...spec, buffer, offset: i * exactBytes(spec) }];
    }),
  );

/** Part `i` of `count` equal ones. */
const share = (values: Float32Array, i: number, count: number): Float32Array => {
  const length = values.length / count;
  return values.slice(i * length, (i + 1) * length);
};

/** Token rows that are encoded together. */
const rowsAtOnce = 4096;

interface ViewEncoder {
  encode(image: Float32Array, options?: RunOptions): Promise<Float32Array>;
  dispose(): void;
}

/** Class features of an image's views [22, E], as many at a time as fit. */
async function createViewEncoder({ gpu, clip, size, needs }: EncoderTarget): Promise<ViewEncoder> {
  const { positions } = needs;
  const rows = 1 + (size / clip.config.patch) ** 2;
  const runs = Math.ceil(anovlViews / Math.max(1, Math.floor(rowsAtOnce / rows)));
  const batch = Math.ceil(anovlViews / runs);
  const encoder = await createImageEncoder(
    { gpu, clip, size, needs: { ...clipNeeds, patches: 'none', positions } },
    { batch },
  );
  return {
    async encode(image: Float32Array, options?: RunOptions): Promise<Float32Array> {
      const all = augment(image, size);
      const features = new Float32Array(elements([anovlViews, clip.config.embedDim]));
      for (let start = 0; start < all.length; start += batch) {
        const found = await encoder.encode(all.slice(start, start + batch), options);
        for (const [i, each] of found.entries())
          features.set(each.image!, (start + i) * clip.config.embedDim);
      }
      return features;
    },
    dispose: () => encoder.dispose(),
  };
}

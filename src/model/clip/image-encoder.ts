// The image encoder, ready to run on batches of one size.
import type { Gpu } from '../../gpu/gpu.ts';
import type { DeviceTensor } from '../../graph/device-tensor.ts';
import { compile, type Executable, type RunOptions } from '../../graph/executor.ts';
import { type Plan, plan } from '../../graph/plan.ts';
import { elements, f32, type Tensor } from '../../kernels/tensor.ts';
import { createModelGraph, type ModelGraph } from '../context.ts';
import type { ClipConfig } from './config.ts';
import { anovlViews, checkNeeds, clipNeeds, featureShapes, type ImageNeeds } from './needs.ts';
import { createPreprocessor, type Pixels, preprocessImage } from './preprocess.ts';
import { augment } from './views.ts';
import { encodeFeatures } from './vision.ts';
import { bindWeights, type Clip } from './weights.ts';

/** Features of one image, on the host, by the names of `featureShapes`. */
export type HostFeatures = Readonly<Record<string, Float32Array>>;

/** The same on the host, or on the device, where the encoder's next image overwrites them. */
export type Features = Readonly<Record<string, Float32Array | DeviceTensor>>;

/** @throws RangeError unless `size` is a positive multiple of the patch size. */
export function checkImageSize(config: ClipConfig, size: number): void {
  if (!Number.isInteger(size) || size <= 0 || size % config.patch !== 0) {
    throw new RangeError(
      `image size: expected a positive multiple of the patch size ${config.patch}, found ${size}`,
    );
  }
}

/** What the weights say; else 518 pixels for patches of 14, as the paper has it, or the size that it was trained on. */
export const defaultImageSize = ({ detectSize, patch, imageResolution }: ClipConfig): number =>
  detectSize ?? (patch === 14 ? 518 : imageResolution);

export interface ImageGraph {
  readonly model: ModelGraph;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** The graph alone, for plans and dry runs: input `images` [B, 3, S, S]; outputs by the names of `featureShapes`. */
export function buildImageGraph(
  clip: Pick<Clip, 'config' | 'weightSpec'>,
  size: number,
  batch: number,
  needs: ImageNeeds,
): ImageGraph {
  checkImageSize(clip.config, size);
  checkNeeds(needs, clip.config, size);
  const model = createModelGraph(clip.weightSpec);
  const images = model.graph.input('images', f32(batch, 3, size, size));
  return { model, outputs: encodeFeatures(model, images, clip.config, needs) };
}

export interface ImageEncoder {
  readonly executable: Executable;
  /** Encodes up to `batch` preprocessed images, each [3, S, S]. */
  encode(images: readonly Float32Array[], options?: RunOptions): Promise<HostFeatures[]>;
  /**
   * Features of a decoded image, of an encoder for one image: nothing leaves the device. Done with one image before the
   * next. @throws GpuError, also if the image does not fit the adapter
   */
  encodePixels(image: Pixels, options?: RunOptions): Promise<Features>;
  /** The same, to the host. */
  readPixels(image: Pixels, options?: RunOptions): Promise<HostFeatures>;
  dispose(): void;
}

/** Both streams have the same output projection. */
const arrangement = { batch: true } as const;

/** What the encoder of one image holds and does. */
export function planImage(clip: Pick<Clip, 'config' | 'weightSpec'>, size: number, needs: ImageNeeds): Plan {
  const { model, outputs } = buildImageGraph(clip, size, 1, needs);
  return plan(model.graph, outputs, arrangement);
}

export async function createImageEncoder(
  gpu: Gpu,
  clip: Clip,
  size: number,
  needs: ImageNeeds,
  batch = 1,
): Promise<ImageEncoder> {
  const { model, outputs } = buildImageGraph(clip, size, batch, needs);
  const executable = await compile(gpu, model.graph, outputs, {
    parameters: bindWeights(clip, model.weights),
    ...arrangement,
  });
  const names = [...featureShapes(needs, clip.config, size).keys()].filter((name) => name in outputs);
  const views = needs.views === 'anovl' ? await createViewEncoder(gpu, clip, size, needs) : undefined;
  const preprocessor = createPreprocessor(gpu, size, needs.filter, clip.config.pixels);
  const encoder: ImageEncoder = {
    executable,
    async encodePixels(image, options) {
      if (views) return encoder.readPixels(image, options);
      await executable.run({ images: await preprocessor.run(image) }, [], options);
      return Object.fromEntries(names.map((name) => [name, executable.tensor(name)]));
    },
    async readPixels(image, options) {
      if (views)
        return (
          await encoder.encode(
            [
              await preprocessImage(gpu, image, size, {
                filter: needs.filter,
                scale: clip.config.pixels,
              }),
            ],
            options,
          )
        )[0]!;
      return (await executable.run(
        { images: await preprocessor.run(image) },
        names,
        options,
      )) as HostFeatures;
    },
    async encode(images, options) {
      const input = new Float32Array(batch * 3 * size * size);
      images.forEach((image, i) => {
        input.set(image, i * 3 * size * size);
      });
      const result = await executable.run({ images: input }, names, options);
      const found = images.map((_, i) =>
        Object.fromEntries(names.map((name) => [name, share(result[name] as Float32Array, i, batch)])),
      );
      if (!views) return found;
      const features: HostFeatures[] = [];
      for (const [i, image] of images.entries())
        features.push({ ...found[i]!, views: await views.encode(image, options) });
      return features;
    },
    dispose() {
      executable.dispose();
      preprocessor.dispose();
      views?.dispose();
    },
  };
  return encoder;
}

/** Part `i` of `count` equal ones. */
const share = (values: Float32Array, i: number, count: number): Float32Array => {
  const length = values.length / count;
  return values.slice(i * length, (i + 1) * length);
};

/** Token rows that are encoded together. */
const rowsAtOnce = 4096;

/** Class features of an image's views [22, E], as many at a time as fit. */
async function createViewEncoder(gpu: Gpu, clip: Clip, size: number, { positions }: ImageNeeds) {
  const rows = 1 + (size / clip.config.patch) ** 2;
  const runs = Math.ceil(anovlViews / Math.max(1, Math.floor(rowsAtOnce / rows)));
  const batch = Math.ceil(anovlViews / runs);
  const encoder = await createImageEncoder(
    gpu,
    clip,
    size,
    { ...clipNeeds, patches: 'none', positions },
    batch,
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

// The image encoder, ready to run on batches of one size.
import type { Gpu } from '../../gpu/gpu.ts';
import { compile, type Executable, type RunOptions } from '../../graph/executor.ts';
import { f32, type Tensor } from '../../kernels/tensor.ts';
import { createModelGraph, type ModelGraph } from '../context.ts';
import type { ClipConfig } from './config.ts';
import { encodeImage } from './vision.ts';
import { bindWeights, type Clip } from './weights.ts';

/** Features of one image, on the host. */
export interface HostFeatures {
  /** Unit class feature [E]. */
  readonly image: Float32Array;
  /** Unit patch features [grid^2, E]. */
  readonly patches: Float32Array;
}

/** @throws RangeError unless `size` is a positive multiple of the patch size. */
export function checkImageSize(config: ClipConfig, size: number): void {
  if (!Number.isInteger(size) || size <= 0 || size % config.patch !== 0) {
    throw new RangeError(
      `image size: expected a positive multiple of the patch size ${config.patch}, found ${size}`,
    );
  }
}

/** 518 pixels for patches of 14, as the paper has it, else the CLIP's own size. */
export const defaultImageSize = ({ patch, imageResolution }: ClipConfig): number =>
  patch === 14 ? 518 : imageResolution;

export interface ImageGraph {
  readonly model: ModelGraph;
  readonly outputs: { readonly image: Tensor; readonly patches: Tensor };
}

/** The graph alone, for plans and dry runs: input `images` [B, 3, S, S]. */
export function buildImageGraph(
  clip: Pick<Clip, 'config' | 'weightSpec'>,
  size: number,
  batch: number,
  dualLayers: number,
): ImageGraph {
  checkImageSize(clip.config, size);
  const model = createModelGraph(clip.weightSpec);
  const images = model.graph.input('images', f32(batch, 3, size, size));
  return { model, outputs: { ...encodeImage(model, images, clip.config, dualLayers) } };
}

export interface ImageEncoder {
  readonly executable: Executable;
  /** Encodes up to `batch` preprocessed images, each [3, S, S]. */
  encode(images: readonly Float32Array[], options?: RunOptions): Promise<HostFeatures[]>;
  dispose(): void;
}

export async function createImageEncoder(
  gpu: Gpu,
  clip: Clip,
  size: number,
  dualLayers: number,
  batch = 1,
): Promise<ImageEncoder> {
  const { model, outputs } = buildImageGraph(clip, size, batch, dualLayers);
  const executable = await compile(gpu, model.graph, outputs, {
    parameters: bindWeights(clip, model.weights),
  });
  const embed = clip.config.embedDim;
  const patches = (size / clip.config.patch) ** 2;
  return {
    executable,
    async encode(images, options) {
      const input = new Float32Array(batch * 3 * size * size);
      images.forEach((image, i) => {
        input.set(image, i * 3 * size * size);
      });
      const result = await executable.run({ images: input }, ['image', 'patches'], options);
      return images.map((_, i) => ({
        image: (result.image as Float32Array).slice(i * embed, (i + 1) * embed),
        patches: (result.patches as Float32Array).slice(i * patches * embed, (i + 1) * patches * embed),
      }));
    },
    dispose: () => executable.dispose(),
  };
}

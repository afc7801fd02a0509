import { type Plan, plan } from '../../graph/plan.ts';
import { f32, type Tensor } from '../../kernels/tensor.ts';
import { createModelGraph, type ModelGraph } from '../context.ts';
import type { ClipConfig } from './config.ts';
import { checkNeeds, type ImageNeeds } from './needs.ts';
import { encodeFeatures } from './vision.ts';
import type { Clip } from './weights.ts';

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

/** Both streams have the same output projection; an image's features do not depend on its batch. */
export const imageArrangement = (images: number) => ({ batch: true, items: images }) as const;

/** What the encoder of a batch of images holds and does. */
export function planImage(
  clip: Pick<Clip, 'config' | 'weightSpec'>,
  size: number,
  needs: ImageNeeds,
  batch = 1,
): Plan {
  const { model, outputs } = buildImageGraph(clip, size, batch, needs);
  return plan(model.graph, outputs, imageArrangement(batch));
}

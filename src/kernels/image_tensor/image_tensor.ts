import { perItem } from '../grid.ts';
import type { Builder, Op } from '../op.ts';
import { describe, elements, f32, ShapeError, type Tensor } from '../tensor.ts';
import shader from './image_tensor.wgsl';

export interface ImageTensorAttrs {
  /** One for each channel, in units of the result before normalisation (0 .. 1). */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Bytes of an image to normalised f32, channels first. */
export const imageTensorOp: Op<ImageTensorAttrs> = {
  name: 'image_tensor',
  outputs({ mean, std }, [image]) {
    const [height, width, channels] = image?.shape ?? [];
    if (image?.dtype !== 'u8' || image.shape.length !== 3 || !(channels! >= 1 && channels! <= 4))
      throw new ShapeError('imageToTensor', 'a u8 image [H, W, C] of up to 4 channels', describe(image));
    if (mean.length !== channels || std.length !== channels)
      throw new ShapeError(
        'imageToTensor',
        `mean and std of ${channels} channels`,
        `${mean.length} and ${std.length}`,
      );
    return [f32(channels, height!, width!)];
  },
  dispatches({ attrs: { mean, std }, inputs: [image], outputs: [out] }) {
    const [channels, height, width] = out!.shape as [number, number, number];
    const four = (values: readonly number[], rest: number) =>
      Array.from({ length: 4 }, (_, i) => values[i] ?? rest);
    return [
      {
        shader,
        bindings: { image, out },
        uniforms: { pixels: height * width, channels, mean: four(mean, 0), deviation: four(std, 1) },
        ...perItem(elements(out!.shape)),
      },
    ];
  },
  cost: ({ outputs: [out] }) => ({ flops: 3 * elements(out!.shape) }),
};

/**
 * torchvision's ToTensor and Normalize: (image / 255 - mean) / std. Mean 0 and deviation 1 give plain 0 .. 1 (masks).
 * @param image u8 [H, W, C], C up to 4, with one mean and one standard deviation per channel
 * @returns f32 [C, H, W]
 * @throws ShapeError
 */
export const imageToTensor = (g: Builder, image: Tensor, attrs: ImageTensorAttrs): Tensor =>
  g.apply(imageTensorOp, attrs, [image])[0]!;

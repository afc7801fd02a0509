import { perItem } from '../grid.ts';
import { linear } from '../matmul/matmul.ts';
import type { Builder, Dispatch, Op } from '../op.ts';
import { describe, elements, f32, type Shape, ShapeError, type Tensor } from '../tensor.ts';
import patchifyShader from './patchify.wgsl';

export interface PatchifyAttrs {
  /** Pixels along a patch's side. */
  readonly patch: number;
}

function rearrange(
  { x, out }: { readonly x: Tensor; readonly out: Tensor },
  images: Shape,
  patch: number,
  inverse: boolean,
): Dispatch {
  const [, channels, height, width] = images as [number, number, number, number];
  const count = elements(images);
  return {
    shader: patchifyShader,
    bindings: { x, out },
    uniforms: {
      count,
      channels,
      grid_rows: height / patch,
      grid_columns: width / patch,
      patch_size: patch,
    },
    ...perItem(count, { INVERSE: inverse }),
  };
}

/** images [B, C, H, W] -> [B, (H / patch) * (W / patch), C * patch * patch]; patches row by row, pixels as in the images. */
export const patchifyOp: Op<PatchifyAttrs> = {
  name: 'patchify',
  outputs({ patch }, [images]) {
    const [batch, channels, height, width] = images?.shape ?? [];
    if (images?.dtype !== 'f32' || images.shape.length !== 4 || height! % patch !== 0 || width! % patch !== 0)
      throw new ShapeError(
        'patchify',
        `f32 images [B, C, H, W], H and W multiples of ${patch}`,
        describe(images),
      );
    return [f32(batch!, (height! / patch) * (width! / patch), channels! * patch * patch)];
  },
  dispatches: ({ attrs: { patch }, inputs: [images], outputs: [out] }) => [
    rearrange({ x: images!, out: out! }, images!.shape, patch, false),
  ],
  cost: () => ({ flops: 0 }),
  gradient: ({ attrs: { patch }, inputs: [images], upstream: [dout], builder: g }) =>
    g.apply(unpatchifyOp, { patch, shape: images!.shape }, [dout]),
};

const unpatchifyOp: Op<PatchifyAttrs & { shape: Shape }> = {
  name: 'unpatchify',
  outputs: ({ shape }) => [f32(...shape)],
  dispatches: ({ attrs: { patch, shape }, inputs: [patches], outputs: [images] }) => [
    rearrange({ x: patches!, out: images! }, shape, patch, true),
  ],
  cost: () => ({ flops: 0 }),
};

/**
 * ViT's patch embedding: a convolution whose stride is its kernel's size, without bias.
 * @param images [B, C, H, W]
 * @param weight [D, C, patch, patch], f32 or f16
 * @returns [B, (H / patch) * (W / patch), D], patches row by row
 * @throws ShapeError where the weight does not fit the images, or H or W is no multiple of the patch
 */
export function patchEmbedding(g: Builder, images: Tensor, weight: Tensor): Tensor {
  const [width, channels, patch] = weight.shape;
  if (weight.shape.length !== 4 || weight.shape[3] !== patch || channels !== images.shape[1])
    throw new ShapeError(
      'patch embedding',
      `a weight [D, ${images.shape[1]}, patch, patch] for images ${describe(images)}`,
      describe(weight),
    );
  const [patches] = g.apply(patchifyOp, { patch: patch! }, [images]);
  return linear(g, patches!, g.view(weight, [width!, elements(weight.shape) / width!]));
}

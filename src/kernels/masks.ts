// Masks of pixels: numbers, or a byte for each pixel, a quarter of what has to be uploaded.
import type { TensorSpec } from './tensor.ts';

/** The override of parts/mask.wgsl. */
export const maskType = ({ dtype }: TensorSpec) => ({ MASK_BYTES: dtype === 'u8' });

import type { Capabilities } from '../gpu/gpu.ts';

/**
 * Variants of the kernels that give each row of a tensor to one workgroup: `wide` workgroups for GPUs, `narrow` ones
 * for software adapters, where barriers among many invocations cost more than the row itself.
 */
export const rowVariants = ({ software }: Capabilities): string[] =>
  software ? ['narrow', 'wide'] : ['wide', 'narrow'];

/** Invocations per row. */
export const lanesPerRow = (capabilities: Capabilities, variant = rowVariants(capabilities)[0]): number =>
  variant === 'narrow' ? 8 : 64;

import type { Capabilities } from '../gpu/gpu.ts';
import { spread } from './grid.ts';

/**
 * Variants of the kernels that reduce each row of a tensor. A workgroup per row: `wide` ones for GPUs, `narrow` ones for
 * software adapters, where barriers among many invocations cost more than the row itself. `serial`: an invocation per
 * row, in vectors, which software adapters like best; rows of a width that four does not divide are narrow then.
 */
export const rowVariants = ({ software }: Capabilities): string[] =>
  software ? ['serial', 'narrow', 'wide'] : ['wide', 'narrow', 'serial'];

/** Workgroup size and grid for `rows` rows of `width` elements, and whether the serial shader is meant. */
export function rowDispatch(
  capabilities: Capabilities,
  rows: number,
  width: number,
  variant = rowVariants(capabilities)[0],
) {
  const serial = variant === 'serial' && width % 4 === 0;
  const lanes = variant === 'wide' ? 64 : 8;
  return {
    serial,
    overrides: { WORKGROUP: lanes },
    workgroups: spread(serial ? Math.ceil(rows / lanes) : rows),
  };
}

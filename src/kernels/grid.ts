// How many workgroups a shader is given.
import type { OverrideValue } from '../gpu/pipelines.ts';
import type { Dispatch } from './op.ts';

const maxPerDimension = 65535;
/**
 * `count` workgroups as a grid that respects the limit of 65535 per dimension. The shader's linear index is
 * `workgroup_id.y * num_workgroups.x + workgroup_id.x`; it must return where that passes the work there is.
 */
export function spread(count: number): [number, number] {
  if (count <= maxPerDimension) return [Math.max(1, count), 1];
  const y = Math.ceil(count / maxPerDimension);
  return [Math.ceil(count / y), y];
}

const workgroup = 64;
type Grid<Overrides> = Pick<Dispatch, 'workgroups'> & { overrides: Overrides & { WORKGROUP: number } };

/**
 * Overrides and grid of a shader that treats `count` items one by one (parts/each_item.wgsl), or ITEMS of them per
 * invocation (parts/each_several.wgsl).
 * @param overrides the shader's others
 */
export function perItem<Overrides extends Record<string, OverrideValue>>(
  count: number,
  overrides = {} as Overrides,
): Grid<Overrides> {
  const each = workgroup * Number(overrides.ITEMS ?? 1);
  return { overrides: { ...overrides, WORKGROUP: workgroup }, workgroups: spread(Math.ceil(count / each)) };
}

/** Overrides and grid of a shader whose workgroups share out one task each (parts/each_workgroup.wgsl). */
export const perTask = <Overrides extends Record<string, OverrideValue>>(
  tasks: number,
  overrides = {} as Overrides,
): Grid<Overrides> => ({ overrides: { ...overrides, WORKGROUP: workgroup }, workgroups: spread(tasks) });

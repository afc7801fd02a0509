// Products on matrix units (units.wgsl): which sizes there are, what fits an adapter, what is dispatched.
import { unitShaders } from '#kernels/unit-shaders';
import type { Capabilities } from '../../gpu/gpu.ts';
import { constantOf, type Shader } from '../../gpu/shader.ts';
import { spread } from '../grid.ts';
import type { Dispatch } from '../op.ts';
import type { Geometry } from './geometry.ts';

/** Subgroups of a workgroup: along the rows of the result, its columns (2 at the most), and along K. */
const layouts = {
  wide_units: { ROWS: 4, COLUMNS: 2, SLICES: 1 },
  units: { ROWS: 2, COLUMNS: 2, SLICES: 1 },
  deep_units: { ROWS: 2, COLUMNS: 1, SLICES: 2 },
} as const;

export type UnitsLayout = keyof typeof layouts;
export const layoutNames = Object.keys(layouts) as UnitsLayout[];

const shaderFor = ({ matrixUnits }: Capabilities): Shader | undefined =>
  unitShaders.find((shader) =>
    matrixUnits.some(({ M, N, K }) =>
      Object.entries({ UNIT_M: M, UNIT_N: N, UNIT_K: K }).every(
        ([name, n]) => constantOf(shader, name) === n,
      ),
    ),
  );

/** Whether an adapter has matrix units that we have a shader for, and room for the layout with operands of any type. */
export function unitsFit(layout: UnitsLayout, capabilities: Capabilities): boolean {
  const { subgroupSize, maxInvocations, workgroupMemory } = capabilities;
  const shader = shaderFor(capabilities);
  if (!shader || subgroupSize === 0) return false;
  const { ROWS, COLUMNS, SLICES } = layouts[layout];
  const of = (name: string) => constantOf(shader, name);
  const eightsA = (of('BLOCK_M') * of('DEPTH')) / (8 * subgroupSize * COLUMNS);
  const eightsB = (of('BLOCK_N') * of('DEPTH')) / (8 * subgroupSize * ROWS);
  const copied = [eightsA, eightsB].every((n) => [1, 2].includes(n));
  // Two halves of both operands, 16 bytes for eight, and the peaks.
  const memory = 32 * SLICES * (ROWS * of('SIZE_A') + COLUMNS * of('SIZE_B')) + 16;
  return copied && ROWS * COLUMNS * SLICES * subgroupSize <= maxInvocations && memory <= workgroupMemory;
}

/** What the layout adds to a product's dispatch. */
export function unitsDispatch(
  layout: UnitsLayout,
  capabilities: Capabilities,
  { batch, M, N, K }: Geometry,
): Required<Pick<Dispatch, 'shader' | 'overrides' | 'workgroups'>> {
  const shader = shaderFor(capabilities)!;
  const { ROWS, COLUMNS, SLICES } = layouts[layout];
  const of = (name: string) => constantOf(shader, name);
  return {
    shader,
    overrides: {
      SUBGROUP: capabilities.subgroupSize,
      ROWS,
      COLUMNS,
      SLICES,
      UNROLLED: !capabilities.software,
      AHEAD: !capabilities.software,
      SPLIT: !capabilities.roundOperands,
      WHOLE: K % (SLICES * of('DEPTH')) === 0,
    },
    workgroups: spread(
      batch * Math.ceil(M / (ROWS * of('BLOCK_M'))) * Math.ceil(N / (COLUMNS * of('BLOCK_N'))),
    ),
  };
}

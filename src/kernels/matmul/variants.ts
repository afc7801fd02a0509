import type { Capabilities } from '../../gpu/gpu.ts';
import { constantOf } from '../../gpu/shader.ts';
import { spread } from '../grid.ts';
import type { Call, Dispatch } from '../op.ts';
import { type DType, scalesOffset } from '../tensor.ts';
import { type Geometry, type MatmulAttrs, ofItem } from './geometry.ts';
import blockShader from './matmul_block.wgsl';
import skinnyShader from './matmul_skinny.wgsl';
import stripShader from './matmul_strip.wgsl';
import stripQuadsShader from './matmul_strip_quads.wgsl';
import tileShader from './matmul_tile.wgsl';
import { layoutNames, type UnitsLayout, unitsDispatch, unitsFit } from './units.ts';

/** Variants that a software adapter compiles for seconds. */
export const blocks = ['wide_block', 'block'] as const;

export type Variant = 'strip' | 'wide_block' | 'block' | 'tile' | 'split' | 'skinny' | UnitsLayout;
type Kernel = (call: Call<MatmulAttrs>, geometry: Geometry) => Dispatch;

/** Columns up to which the transpose is computed instead. */
const short = 4;

/** About one workgroup for each core of a large GPU. */
const cores = 128;

/** Elements of b from which on a software adapter's strip is no higher than a. */
const manyWeights = 2 ** 21;

/** Rows of a workgroup of matmul_block.wgsl. */
const blockHeight = 128;

/** How the shaders call the types of b. */
const typeNames: Partial<Record<DType, string>> = { f32: 'F32', f16: 'F16', q8: 'INT8' };

const isPacked = ({ inputs }: Call<MatmulAttrs>) => inputs[1]!.dtype !== 'f32';

/** The variants that an adapter has, its own choice for large products first. */
export const variantNames = (capabilities: Capabilities): Variant[] => {
  const { subgroupSize, software } = capabilities;
  const tiles: Variant[] = ['tile', 'split', 'skinny'];
  const strip: Variant[] = subgroupSize > 0 ? ['strip'] : [];
  const units = layoutNames.filter((layout) => unitsFit(layout, capabilities));
  return software ? [...strip, ...tiles, ...blocks, ...units] : [...units, ...blocks, ...tiles, ...strip];
};

/** Whether a row's result depends on the other rows of its tile: matrix units have one scale for all of them. */
export const mixesRows = (variant: Variant): boolean => (layoutNames as readonly string[]).includes(variant);

/** The kernel for a product: measured on a software adapter, by reasoning on GPUs. */
export function choose({ capabilities }: Call<MatmulAttrs>, { batch, M, N, K }: Geometry): Variant {
  const { software, subgroupSize } = capabilities;
  if (software && subgroupSize > 0) return 'strip';
  if (Math.min(M, N) <= 16 && K >= 256) return 'skinny';
  if (software) return 'tile';
  const workgroups = (rows: number, columns: number) => batch * Math.ceil(M / rows) * Math.ceil(N / columns);
  const units = chooseUnits(capabilities, workgroups, Math.min(M, N), K);
  if (units) return units;
  // The larger the part of the result that a workgroup owns, the less it reads; but a workgroup walks all of K, and with
  // few of them most of the GPU would wait.
  if (workgroups(blockHeight, 128) >= 2 * cores) return 'wide_block';
  if (workgroups(blockHeight, 64) >= cores) return 'block';
  return workgroups(64, 64) < cores && K >= 256 ? 'split' : 'tile';
}

/** The layout of matrix units for a product, where the adapter has one and the product fills some of them. */
function chooseUnits(
  capabilities: Capabilities,
  workgroups: (rows: number, columns: number) => number,
  shortSide: number,
  K: number,
): UnitsLayout | undefined {
  if (shortSide < 32 || K < 64) return undefined;
  // Measured on an H200, as far as it went: wide_units is the fastest down to half a workgroup for each core, below that
  // smaller tiles are.
  const enough: readonly [UnitsLayout, number][] = [
    ['wide_units', 2 * workgroups(128, 128)],
    ['units', workgroups(64, 128)],
  ];
  return enough.find(([layout, count]) => count >= cores && unitsFit(layout, capabilities))?.[0];
}

/** What the kernels have in common. */
function common(
  { attrs, inputs: [a, b, bias, residual, x], outputs: [out, saved] }: Call<MatmulAttrs>,
  { batch, M, N, K, strideA, strideB }: Geometry,
) {
  const { transposeA = false, transposeB = false, activation, slopeOf, scale = 1 } = attrs;
  const packed = b!.dtype !== 'f32';
  const contiguous = [K, transposeA ? M : K, transposeB ? K : N];
  return {
    bindings: {
      a,
      b: packed ? undefined : b,
      b_packed: packed ? b : undefined,
      bias,
      residual,
      out,
      preactivation: x ?? saved,
    },
    uniforms: {
      M,
      N,
      K,
      batch,
      batch_stride_a: strideA,
      batch_stride_b: strideB,
      out_stride_m: N,
      out_stride_n: 1,
      scale,
      bias_stride_m: 0,
      bias_stride_n: 1,
      has_bias: Number(bias !== undefined),
      has_residual: Number(residual !== undefined),
      activation: activation ? constantOf(tileShader, activation.toUpperCase()) : 0,
      slope: slopeOf ? constantOf(tileShader, slopeOf.toUpperCase()) : 0,
      save_preactivation: Number(saved !== undefined),
      b_scales: b!.dtype === 'q8' ? scalesOffset(b!) / 4 : 0,
    },
    overrides: {
      TRANSPOSE_A: transposeA,
      TRANSPOSE_B: transposeB,
      SLOPE: slopeOf !== undefined,
      B_TYPE: constantOf(tileShader, typeNames[b!.dtype]!),
      VECTOR: contiguous.every((n) => n % 4 === 0),
    },
  };
}

const tilesOf =
  (TILE: number, SLICES: number): Kernel =>
  (call, geometry) => {
    const { batch, M, N } = geometry;
    const { overrides, ...rest } = common(call, geometry);
    return {
      ...rest,
      shader: tileShader,
      overrides: { ...overrides, TILE, SLICES },
      workgroups: spread(batch * Math.ceil(M / TILE) * Math.ceil(N / TILE)),
    };
  };

const blocksOf =
  (WIDTH: number): Kernel =>
  (call, geometry) => {
    const { batch, M, N } = geometry;
    const { overrides, ...rest } = common(call, geometry);
    return {
      ...rest,
      shader: blockShader,
      overrides: { ...overrides, WIDTH, UNROLLED: !call.capabilities.software },
      workgroups: spread(batch * Math.ceil(M / blockHeight) * Math.ceil(N / WIDTH)),
    };
  };

const unitsOf =
  (layout: UnitsLayout): Kernel =>
  (call, geometry) => {
    const { overrides, ...rest } = common(call, geometry);
    const { overrides: own, ...dispatch } = unitsDispatch(layout, call.capabilities, geometry);
    return { ...rest, ...dispatch, overrides: { ...overrides, ...own } };
  };

export const variants: Readonly<Record<Variant, Kernel>> = {
  wide_units: unitsOf('wide_units'),
  units: unitsOf('units'),
  deep_units: unitsOf('deep_units'),
  strip(call, geometry) {
    const { sizes, overrides, ...rest } = shortSideFirst(call, geometry);
    const { batch, M, N, K } = sizes;
    // For few rows too: those that are not there cost less than another pipeline, 0.1 s of SwiftShader's compiler, until b
    // is large: 12 rows of 768 x 3072 take 13 ms there as 12, 17 ms as 16.
    const rows = N * K < manyWeights ? 16 : Math.min(16, 4 * Math.ceil(M / 4));
    const { subgroupSize } = call.capabilities;
    const lanes = Math.max(32, subgroupSize); // whole subgroups
    const inQuads = N % 4 === 0 && rest.uniforms.out_stride_n === 1;
    return {
      ...rest,
      shader: inQuads ? stripQuadsShader : stripShader,
      overrides: { ...overrides, SUBGROUP: subgroupSize, WORKGROUP: lanes, ROWS: rows },
      workgroups: spread(batch * Math.ceil(M / rows) * Math.ceil(N / (4 * lanes))),
    };
  },
  wide_block: blocksOf(128),
  block: blocksOf(64),
  tile: tilesOf(64, 1),
  split: tilesOf(32, 4),
  skinny(call, geometry) {
    const { sizes, overrides, ...rest } = shortSideFirst(call, geometry);
    const { batch, M, N } = sizes;
    // All lanes along K where its values lie side by side in b, else across the columns too.
    const lanes = 64;
    const quads = overrides.TRANSPOSE_B ? 1 : lanes / 4;
    return {
      ...rest,
      shader: skinnyShader,
      overrides: { ...overrides, WORKGROUP: lanes, QUADS: quads },
      workgroups: spread(batch * Math.ceil(M / 4) * Math.ceil(N / (4 * quads))),
    };
  },
};

/**
 * `common` for the product, or for its transpose b^T a^T where the columns are few and
 * the rows are not. A packed b stays where it is.
 */
function shortSideFirst(call: Call<MatmulAttrs>, geometry: Geometry) {
  const { M, N } = ofItem(geometry, call.attrs);
  const swapped = N <= short && N < M && !isPacked(call);
  const [product, sizes] = swapped ? swap(call, geometry) : [call, geometry];
  const { uniforms, ...rest } = common(product, sizes);
  const strides = swapped ? { out_stride_m: 1, out_stride_n: N, bias_stride_m: 1, bias_stride_n: 0 } : {};
  return { ...rest, sizes, uniforms: { ...uniforms, ...strides } };
}

function swap(
  call: Call<MatmulAttrs>,
  { M, N, strideA, strideB, ...same }: Geometry,
): [Call<MatmulAttrs>, Geometry] {
  const [a, b, ...rest] = call.inputs;
  const { transposeA, transposeB } = call.attrs;
  return [
    {
      ...call,
      inputs: [b, a, ...rest],
      attrs: { ...call.attrs, transposeA: !transposeB, transposeB: !transposeA },
    },
    { ...same, M: N, N: M, strideA: strideB, strideB: strideA },
  ];
}

// out = activation(scale * a b + bias) + residual on a GPU's matrix units, which multiply f16 and add f32.
//
// f32 accuracy (SPLIT): x = high + low, two f16 of 11 bits each; both products are added into one f32 sum. f16 weights and
// int8 ones (their scale apart) are exact as they are. So that neither half leaves f16's range, a workgroup multiplies what
// it reads of a by a power of two, which follows the largest magnitude seen so far; the sums follow it, and an f32 b has
// one of its own. What is infinite or NaN stays so in its row and column, and counts for no maximum.
//
// Includer  sets UNIT_M, UNIT_N, UNIT_K: sizes that the adapter lists in subgroupMatrixConfigs for f16 -> f32
// Shapes    as operands.wgsl and epilogue.wgsl have them
// Dispatch  one workgroup of SUBGROUP * ROWS * COLUMNS * SLICES per ROWS * BLOCK_M rows and COLUMNS * BLOCK_N columns of
//           out. A subgroup owns a block of 2 x 4 matrices of the result, and of K every SLICES-th stretch of DEPTH.
//           Stretches lie in workgroup memory; the next ones are fetched into registers meanwhile. Matrix units may
//           truncate as they add (NVIDIA's do): after PART of K what they have is added to out in f32.
// Saved for backward: preactivation, on request

#include "operands.wgsl"
#include "epilogue.wgsl"
#include "units_copy.wgsl"
#include "units_scale.wgsl"
#include "units_multiply.wgsl"

override SUBGROUP: u32 = 8u; // lanes
override ROWS: u32 = 2u; // subgroups along the rows of out
override COLUMNS: u32 = 2u; // 1 or 2, along its columns
override SLICES: u32 = 1u; // and along K
override SPLIT: bool = true; // f32 accuracy; else what is not f16 is rounded to it
override PART: u32 = 512u; // of K in one sum; a multiple of DEPTH * SLICES
override WHOLE: bool = false; // K is a whole number of stretches of all slices

const BLOCK_M = 2u * UNIT_M;
const BLOCK_N = 4u * UNIT_N;
const DEPTH = UNIT_K; // of a stretch: with twice as much NVIDIA's registers hold one workgroup at a time, not two

// For GPUs; a software adapter's compiler takes many times as long for either.
override UNROLLED: bool = true;
override AHEAD: bool = true; // the next stretch is fetched while this one is multiplied

override TILES: u32 = ROWS * COLUMNS; // subgroups of a slice
override WORKGROUP: u32 = SUBGROUP * TILES * SLICES;
override BLOCKS_A: u32 = ROWS * SLICES;
override BLOCKS_B: u32 = COLUMNS * SLICES;
override SPLIT_B: bool = SPLIT && B_TYPE == F32;

// Eights (neighbours in memory) that a lane copies at a time: 1 or 2.
override EIGHTS_A: u32 = BLOCK_M * DEPTH / (8u * SUBGROUP * COLUMNS);
override EIGHTS_B: u32 = BLOCK_N * DEPTH / (8u * SUBGROUP * ROWS);

const PAD = 1u;

// Where a subgroup puts a matrix of its sums: its share of tile_a, which nobody reads any more and which holds those of
// both columns. In fours of f32.
const LINE_SUM = UNIT_N / 4u + PAD;
const SIZE_SUM = UNIT_M * LINE_SUM;

// A block in workgroup memory: lines of eights as they lie in the operand, along K or across it, each padded by 16 bytes so
// that the lines of a matrix lie in different banks.
const LINE_K = DEPTH / 8u + PAD;
const LINE_M = BLOCK_M / 8u + PAD;
const LINE_N = BLOCK_N / 8u + PAD;
const SIZE_A = max(max(BLOCK_M * LINE_K, DEPTH * LINE_M), 2u * SIZE_SUM);
const SIZE_B = max(BLOCK_N * LINE_K, DEPTH * LINE_N);

// [slice * ROWS + row of blocks] and [slice * COLUMNS + column of blocks]: eight halves in an element; behind all high
// halves the low ones. Arrays of arrays and constant offsets: the compiler need not hold the second index within bounds.
var<workgroup> tile_a: array<array<vec4u, SIZE_A>, select(1u, 2u, SPLIT) * BLOCKS_A>;
var<workgroup> tile_b: array<array<vec4u, SIZE_B>, select(1u, 2u, SPLIT_B) * BLOCKS_B>;

// Adds a part of K to an element of the result, or finishes it.
fn finish(batch: u32, m: u32, n: u32, part: f32, begun: bool, done: bool) {
  let i = out_index(batch, m, n);
  var total = part;
  if (begun) {
    total += out[i];
  }
  if (done) {
    store(batch, m, n, total);
  } else {
    out[i] = total;
  }
}

@compute @workgroup_size(WORKGROUP) @subgroup_size(SUBGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) own: u32,
) {
  let i = group.y * groups.x + group.x;
  let tiles_m = (params.M + ROWS * BLOCK_M - 1u) / (ROWS * BLOCK_M);
  let tiles_n = (params.N + COLUMNS * BLOCK_N - 1u) / (COLUMNS * BLOCK_N);
  let batch = i / tiles_m / tiles_n;
  if (batch >= params.batch) {
    return;
  }
  let row = i % tiles_m * ROWS * BLOCK_M;
  let column = i / tiles_m % tiles_n * COLUMNS * BLOCK_N;
  let base_a = batch * params.batch_stride_a;
  let base_b = batch * params.batch_stride_b;
  let slice = subgroup / TILES;
  let block_row = subgroup % TILES / COLUMNS;
  let block_column = subgroup % COLUMNS;
  let block_a = slice * ROWS + block_row;
  let block_b = slice * COLUMNS + block_column;

  if (AHEAD) {
    fetch(base_a, base_b, row, column, 0u, lane);
    watch(0.0, 0.0);
  }
  // Scales of the operands; 0: not known yet.
  var up_a = 0.0;
  var up_b = select(1.0, 0.0, B_TYPE == F32);
  var sums: Sums;
  for (var stretch = 0u; stretch < params.K; stretch += DEPTH * SLICES) {
    if (!AHEAD) {
      fetch(base_a, base_b, row, column, stretch, lane);
      watch(up_a, up_b);
    }
    workgroupBarrier();
    let wanted_a = scale_for(atomicLoad(&peak_a));
    if (wanted_a != up_a) {
      if (stretch > 0u) {
        rescale(&sums, wanted_a * inverse(up_a));
      }
      up_a = wanted_a;
    }
    if (B_TYPE == F32) {
      let wanted_b = scale_for(atomicLoad(&peak_b));
      if (wanted_b != up_b) {
        if (stretch > 0u) {
          rescale(&sums, wanted_b * inverse(up_b));
        }
        up_b = wanted_b;
      }
    }
    put_a(up_a, lane);
    put_b(up_b, lane);
    workgroupBarrier();
    let next = stretch + DEPTH * SLICES;
    if (AHEAD && next < params.K) {
      fetch(base_a, base_b, row, column, next, lane);
    }
    multiply(&sums, block_a, block_b);
    if (AHEAD) {
      watch(up_a, up_b);
    }
    if (next % PART == 0u || next >= params.K) {
      let begun = next > PART;
      let done = next >= params.K;
      // One copy of the code that finishes the sums, instead of eight.
      let start = block_column * SIZE_SUM;
      for (var part = 0u; part < 8u; part++) {
        workgroupBarrier();
        switch part {
          case 0u: { subgroupMatrixStore<row_major>(&tile_a[block_a], start, sums[0], LINE_SUM); }
          case 1u: { subgroupMatrixStore<row_major>(&tile_a[block_a], start, sums[1], LINE_SUM); }
          case 2u: { subgroupMatrixStore<row_major>(&tile_a[block_a], start, sums[2], LINE_SUM); }
          case 3u: { subgroupMatrixStore<row_major>(&tile_a[block_a], start, sums[3], LINE_SUM); }
          case 4u: { subgroupMatrixStore<row_major>(&tile_a[block_a], start, sums[4], LINE_SUM); }
          case 5u: { subgroupMatrixStore<row_major>(&tile_a[block_a], start, sums[5], LINE_SUM); }
          case 6u: { subgroupMatrixStore<row_major>(&tile_a[block_a], start, sums[6], LINE_SUM); }
          default: { subgroupMatrixStore<row_major>(&tile_a[block_a], start, sums[7], LINE_SUM); }
        }
        workgroupBarrier();
        let m_part = row + block_row * BLOCK_M + part / 4u * UNIT_M;
        let n_part = column + block_column * BLOCK_N + part % 4u * UNIT_N;
        for (var element = slice * SUBGROUP + own; element < UNIT_M * UNIT_N; element += SLICES * SUBGROUP) {
          let m = element / UNIT_N;
          let n = element % UNIT_N;
          var total = 0.0;
          for (var other = 0u; other < SLICES; other++) {
            total += bitcast<f32>(tile_a[other * ROWS + block_row][start + m * LINE_SUM + n / 4u][n % 4u]);
          }
          if (m_part + m < params.M && n_part + n < params.N) {
            total = total * inverse(up_a) * inverse(up_b);
            if (B_TYPE == INT8 && TRANSPOSE_B) {
              total *= scale_b(n_part + n);
            }
            finish(batch, m_part + m, n_part + n, total, begun, done);
          }
        }
      }
      sums = Sums();
    }
  }
}

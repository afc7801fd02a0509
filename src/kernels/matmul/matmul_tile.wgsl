// out = activation(scale * a b + bias) + residual, for GPUs and for adapters without subgroups: tiles in workgroup
// memory.
//
// Shapes    as operands.wgsl and epilogue.wgsl have them
// Dispatch  one workgroup of LANES * SLICES per TILE x TILE tile of out. A slice walks every SLICES-th stretch of K, TILE
//           / 2 long: each of its lanes copies one 4 x 4 block of a and one of b into workgroup memory, and owns 8 rows
//           and 4 columns. The slices' sums are added in order. 64 and 1: for large products; 32 and 4: where there are
//           too few tiles to keep a GPU busy. 16 KiB of workgroup memory in both cases.
// Saved for backward: preactivation, on request

#include "operands.wgsl"
#include "blocks.wgsl"
#include "epilogue.wgsl"
#include "../parts/tile_product.wgsl"

override TILE: u32 = 64u; // rows and columns of a workgroup
override SLICES: u32 = 1u;
override DEPTH: u32 = TILE / 2u; // a slice's stretch of K in workgroup memory

// Adds the other slices' sums to the first slice's: two of four columns of a lane's block at a time.
fn sum_slices(sums: array<mat4x4f, 2>, slice: u32, lane: u32) -> array<mat4x4f, 2> {
  var total = sums;
  for (var r = 0u; r < LANE_ROWS; r += 2u) {
    workgroupBarrier();
    tile_a[slice * LANES + lane] = sums[r / 4u][r % 4u];
    tile_b[slice * LANES + lane] = sums[r / 4u][r % 4u + 1u];
    workgroupBarrier();
    if (slice == 0u) {
      for (var other = 1u; other < SLICES; other++) {
        total[r / 4u][r % 4u] += tile_a[other * LANES + lane];
        total[r / 4u][r % 4u + 1u] += tile_b[other * LANES + lane];
      }
    }
  }
  return total;
}

fn tasks() -> u32 {
  return params.batch * tiles_of(params.M) * tiles_of(params.N);
}

fn task(i: u32, invocation: u32) {
  let tiles_m = tiles_of(params.M);
  let tiles_n = tiles_of(params.N);
  let batch = i / tiles_m / tiles_n;
  let slice = invocation / LANES;
  let lane = invocation % LANES;
  let row = i % tiles_m * TILE;
  let column = i / tiles_m % tiles_n * TILE;
  let base_a = batch * params.batch_stride_a;
  let base_b = batch * params.batch_stride_b;
  // Neighbouring lanes copy neighbours in memory: along K, or along the rows of a, the columns of b.
  let along = DEPTH / 4u;
  let quad_a = select(lane / along, lane % QUADS, TRANSPOSE_A);
  let k_a = 4u * select(lane % along, lane / QUADS, TRANSPOSE_A);
  let quad_b = select(lane % QUADS, lane / along, TRANSPOSE_B);
  let k_b = 4u * select(lane / QUADS, lane % along, TRANSPOSE_B);
  // Lines past the end repeat the last vector: their sums are not stored.
  let m = min(row + 4u * quad_a, (params.M - 1u) / 4u * 4u);
  let n = min(column + 4u * quad_b, (params.N - 1u) / 4u * 4u);
  let upper = lane / QUADS;
  let own = lane % QUADS;

  for (var stretch = 0u; stretch < params.K; stretch += DEPTH * SLICES) {
    let k = stretch + slice * DEPTH;
    var from_a = mat4x4f();
    var from_b = mat4x4f();
    if (k + k_a < params.K) {
      from_a = transpose(block_a(base_a, m, k + k_a));
    }
    if (k + k_b < params.K) {
      from_b = block_b(base_b, k + k_b, n);
    }
    workgroupBarrier();
    for (var j = 0u; j < 4u; j++) {
      tile_a[place(slice, k_a + j, quad_a)] = from_a[j];
      tile_b[place(slice, k_b + j, quad_b)] = from_b[j];
    }
    workgroupBarrier();
    multiply_tiles(slice, upper, own);
  }

  var sums = tile_sums();
  if (SLICES > 1u) {
    sums = sum_slices(sums, slice, lane);
  }
  if (slice > 0u) {
    return;
  }
  for (var r = 0u; r < LANE_ROWS; r++) {
    let m_out = row + row_of_sum(upper, r);
    for (var j = 0u; j < LANE_COLUMNS; j++) {
      let n_out = column + 4u * own + j;
      if (m_out < params.M && n_out < params.N) {
        store(batch, m_out, n_out, sums[r / 4u][r % 4u][j]);
      }
    }
  }
}

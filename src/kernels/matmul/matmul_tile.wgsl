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

// A lane's block of the result.
const LANE_ROWS = 8u;
const LANE_COLUMNS = 4u;

override TILE: u32 = 64u; // rows and columns of a workgroup
override SLICES: u32 = 1u;
override DEPTH: u32 = TILE / 2u; // a slice's stretch of K in workgroup memory
override QUADS: u32 = TILE / LANE_COLUMNS; // vectors of 4 across a tile
override LANES: u32 = TILE * TILE / (LANE_ROWS * LANE_COLUMNS); // of a slice
override VECTORS: u32 = DEPTH * QUADS; // of an operand's tile
override WORKGROUP: u32 = LANES * SLICES;

// tile_a[slice][k][row / 4] and tile_b[slice][k][column / 4], the last index swizzled so that the lanes that write a
// tile's columns do not meet in one memory bank.
var<workgroup> tile_a: array<vec4f, VECTORS * SLICES>;
var<workgroup> tile_b: array<vec4f, VECTORS * SLICES>;

fn place(slice: u32, k: u32, quad: u32) -> u32 {
  return slice * VECTORS + k * QUADS + (quad ^ (k / 4u));
}

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

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) invocation: u32,
) {
  let i = group.y * groups.x + group.x;
  let tiles_m = (params.M + TILE - 1u) / TILE;
  let tiles_n = (params.N + TILE - 1u) / TILE;
  let batch = i / tiles_m / tiles_n;
  if (batch >= params.batch) {
    return;
  }
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
  // The lane's rows are 4 upper .. 4 upper + 3 and those half a tile below.
  let upper = lane / QUADS;
  let own = lane % QUADS;

  // Column j holds row j of the four.
  var sum0 = mat4x4f();
  var sum1 = mat4x4f();
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
    for (var d = 0u; d < DEPTH; d++) {
      let a0 = tile_a[place(slice, d, upper)];
      let a1 = tile_a[place(slice, d, upper + QUADS / 2u)];
      let columns = tile_b[place(slice, d, own)];
      sum0[0] += a0.x * columns;
      sum0[1] += a0.y * columns;
      sum0[2] += a0.z * columns;
      sum0[3] += a0.w * columns;
      sum1[0] += a1.x * columns;
      sum1[1] += a1.y * columns;
      sum1[2] += a1.z * columns;
      sum1[3] += a1.w * columns;
    }
  }

  // A copy, since indexing by a variable would keep the sums themselves out of registers.
  var sums = array<mat4x4f, 2>(sum0, sum1);
  if (SLICES > 1u) {
    sums = sum_slices(sums, slice, lane);
  }
  if (slice > 0u) {
    return;
  }
  for (var r = 0u; r < LANE_ROWS; r++) {
    let m_out = row + 4u * upper + r % 4u + r / 4u * (TILE / 2u);
    for (var j = 0u; j < LANE_COLUMNS; j++) {
      let n_out = column + 4u * own + j;
      if (m_out < params.M && n_out < params.N) {
        store(batch, m_out, n_out, sums[r / 4u][r % 4u][j]);
      }
    }
  }
}

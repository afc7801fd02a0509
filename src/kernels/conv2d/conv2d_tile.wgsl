// A convolution of images with channels last, or the derivative with respect to its input; for GPUs and for adapters
// without subgroups: tiles in workgroup memory.
//
// Shapes    as operands.wgsl has them
// Dispatch  one workgroup of 128 per 64 pixels and 64 channels of out. For every tap and every 32 values along K, each
//           lane copies one 4 x 4 block of x and one of the weight into workgroup memory, and owns 8 pixels and 4
//           channels: a product of matrices whose left rows are gathered as they are read.
// Saved for backward: nothing

#include "operands.wgsl"

// A lane's block of the result.
const LANE_ROWS = 8u;
const LANE_COLUMNS = 4u;

const TILE = 64u; // pixels and channels of a workgroup
const DEPTH = 32u; // values along K at a time
const QUADS = TILE / LANE_COLUMNS; // vectors of 4 across a tile
const WORKGROUP = TILE * TILE / (LANE_ROWS * LANE_COLUMNS);

// tile_x[k][pixel / 4] and tile_weight[k][channel / 4], the last index swizzled so that the lanes that write a tile's
// columns do not meet in one memory bank.
var<workgroup> tile_x: array<vec4f, DEPTH * QUADS>;
var<workgroup> tile_weight: array<vec4f, DEPTH * QUADS>;

fn place(k: u32, quad: u32) -> u32 {
  return k * QUADS + (quad ^ (k / 4u));
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group.y * groups.x + group.x;
  let tiles_m = (params.rows + TILE - 1u) / TILE;
  let tiles_n = (params.N + TILE - 1u) / TILE;
  if (i >= tiles_m * tiles_n) {
    return;
  }
  let first = i % tiles_m * TILE;
  let column = i / tiles_m * TILE;
  // Neighbouring lanes copy neighbours in memory: along K, or along the channels.
  let along = DEPTH / 4u;
  let quad_x = lane / along;
  let k_x = 4u * (lane % along);
  let quad_w = select(lane / along, lane % QUADS, TRANSPOSED);
  let k_w = 4u * select(lane % along, lane / QUADS, TRANSPOSED);
  let n = min(column + 4u * quad_w, (params.N - 1u) / 4u * 4u);
  // The lane's pixels are 4 upper .. 4 upper + 3 and those half a tile below.
  let upper = lane / QUADS;
  let own = lane % QUADS;

  // Column j holds pixel j of the four.
  var sum0 = mat4x4f();
  var sum1 = mat4x4f();
  for (var tap = params.first_tap; tap < params.end_tap; tap++) {
    let tap_y = tap / params.kernel_width;
    let tap_x = tap % params.kernel_width;
    let start0 = source_row(first + 4u * quad_x, tap_y, tap_x);
    let start1 = source_row(first + 4u * quad_x + 1u, tap_y, tap_x);
    let start2 = source_row(first + 4u * quad_x + 2u, tap_y, tap_x);
    let start3 = source_row(first + 4u * quad_x + 3u, tap_y, tap_x);
    let lines = first_lines(tap * params.N * params.K, n);
    for (var k = 0u; k < params.K; k += DEPTH) {
      var from_x = mat4x4f();
      var from_weight = mat4x4f();
      if (k + k_x < params.K) {
        from_x = transpose(
          mat4x4f(
            line_x(start0, k + k_x),
            line_x(start1, k + k_x),
            line_x(start2, k + k_x),
            line_x(start3, k + k_x)
          )
        );
      }
      if (k + k_w < params.K) {
        from_weight = block_weight(lines + (k + k_w) * select(1u, params.N, TRANSPOSED), k + k_w, n);
      }
      workgroupBarrier();
      for (var j = 0u; j < 4u; j++) {
        tile_x[place(k_x + j, quad_x)] = from_x[j];
        tile_weight[place(k_w + j, quad_w)] = from_weight[j];
      }
      workgroupBarrier();
      for (var d = 0u; d < DEPTH; d++) {
        let a0 = tile_x[place(d, upper)];
        let a1 = tile_x[place(d, upper + QUADS / 2u)];
        let columns = tile_weight[place(d, own)];
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
  }

  // A copy, since indexing by a variable would keep the sums themselves out of registers.
  var sums = array<mat4x4f, 2>(sum0, sum1);
  for (var r = 0u; r < LANE_ROWS; r++) {
    let row = first + 4u * upper + r % 4u + r / 4u * (TILE / 2u);
    for (var j = 0u; j < 4u; j++) {
      let channel = column + 4u * own + j;
      if (row < params.rows && channel < params.N) {
        var value = sums[r / 4u][r % 4u][j];
        if (params.has_bias != 0u) {
          value += bias[channel];
        }
        out[row * params.N + channel] = value;
      }
    }
  }
}

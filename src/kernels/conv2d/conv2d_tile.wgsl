// A convolution of images with channels last, or the derivative with respect to its input; for GPUs and for adapters
// without subgroups: tiles in workgroup memory.
//
// Shapes    as operands.wgsl has them
// Dispatch  one workgroup of 128 per 64 pixels and 64 channels of out. For every tap and every 32 values along K, each
//           lane copies one 4 x 4 block of x and one of the weight into workgroup memory, and owns 8 pixels and 4
//           channels: a product of matrices whose left rows are gathered as they are read.
// Saved for backward: nothing

#include "operands.wgsl"
#include "../parts/tile_product.wgsl"

const TILE = 64u; // pixels and channels of a workgroup
const DEPTH = 32u; // values along K at a time
const SLICES = 1u;

fn tasks() -> u32 {
  return tiles_of(params.rows) * tiles_of(params.N);
}

fn task(i: u32, lane: u32) {
  let tiles_m = tiles_of(params.rows);
  let first = i % tiles_m * TILE;
  let column = i / tiles_m * TILE;
  // Neighbouring lanes copy neighbours in memory: along K, or along the channels.
  let along = DEPTH / 4u;
  let quad_x = lane / along;
  let k_x = 4u * (lane % along);
  let quad_w = select(lane / along, lane % QUADS, TRANSPOSED);
  let k_w = 4u * select(lane % along, lane / QUADS, TRANSPOSED);
  let n = min(column + 4u * quad_w, (params.N - 1u) / 4u * 4u);
  let upper = lane / QUADS;
  let own = lane % QUADS;

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
        tile_a[place(0u, k_x + j, quad_x)] = from_x[j];
        tile_b[place(0u, k_w + j, quad_w)] = from_weight[j];
      }
      workgroupBarrier();
      multiply_tiles(0u, upper, own);
    }
  }

  var sums = tile_sums();
  for (var r = 0u; r < LANE_ROWS; r++) {
    let row = first + row_of_sum(upper, r);
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

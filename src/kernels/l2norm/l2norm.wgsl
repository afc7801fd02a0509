// out = x / |x| over the last dimension; a row of zeros gives zeros.
//
// Shapes    x and out [rows, width], inverse_norm [rows]
// Dispatch  one task per row
// Saved for backward: out, inverse_norm (0 for a row of zeros, which makes its gradient 0)

#include "../parts/each_row.wgsl"
#include "../parts/rows_of_width.wgsl"
#include "../parts/tree_sum.wgsl"

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<storage, read_write> inverse_norm: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

alias Partial = f32;

fn task(row: u32, lane: u32) {
  let start = row * params.width;
  var squares = 0.0;
  for (var k = lane; k < params.width; k += WORKGROUP) {
    squares += x[start + k] * x[start + k];
  }
  let total = tree_sum(squares, lane);
  var inverse = 0.0;
  if (total > 0.0) {
    inverse = 1.0 / sqrt(total);
  }
  for (var k = lane; k < params.width; k += WORKGROUP) {
    out[start + k] = x[start + k] * inverse;
  }
  if (lane == 0u) {
    inverse_norm[row] = inverse;
  }
}

// dx = (dout - out * sum of out * dout) / |x| over the last dimension; 0 for a row of zeros.
//
// Shapes    out, dout and dx [rows, width], inverse_norm [rows]
// Dispatch  one task per row

#include "../parts/each_row.wgsl"
#include "../parts/rows_of_width.wgsl"
#include "../parts/tree_sum.wgsl"

@group(0) @binding(0) var<storage, read> out: array<f32>;
@group(0) @binding(1) var<storage, read> inverse_norm: array<f32>;
@group(0) @binding(2) var<storage, read> dout: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

alias Partial = f32;

fn task(row: u32, lane: u32) {
  let start = row * params.width;
  var along = 0.0;
  for (var k = lane; k < params.width; k += WORKGROUP) {
    along += out[start + k] * dout[start + k];
  }
  let total = tree_sum(along, lane);
  for (var k = lane; k < params.width; k += WORKGROUP) {
    dx[start + k] = inverse_norm[row] * (dout[start + k] - out[start + k] * total);
  }
}

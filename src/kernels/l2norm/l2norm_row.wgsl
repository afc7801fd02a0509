// A row of l2norm.wgsl and l2norm_serial.wgsl.
//
// Includer  includes row_of_workgroup.wgsl or row_of_invocation.wgsl
// Shapes    x and out [rows, width], inverse_norm [rows]
// Saved for backward: out, inverse_norm (0 for a row of zeros, which makes its gradient 0)

#include "../parts/rows_of_width.wgsl"

@group(0) @binding(1) var<storage, read> x: array<Element>;
@group(0) @binding(2) var<storage, read_write> out: array<Element>;
@group(0) @binding(3) var<storage, read_write> inverse_norm: array<f32>;

fn task(row: u32, lane: u32) {
  let start = row * row_length();
  var squares = Element();
  for (var k = lane; k < row_length(); k += LANES) {
    squares += x[start + k] * x[start + k];
  }
  let total = row_sum(squares, lane);
  var inverse = 0.0;
  if (total > 0.0) {
    inverse = 1.0 / sqrt(total);
  }
  for (var k = lane; k < row_length(); k += LANES) {
    out[start + k] = x[start + k] * inverse;
  }
  if (lane == 0u) {
    inverse_norm[row] = inverse;
  }
}

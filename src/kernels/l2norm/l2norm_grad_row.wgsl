// A row of l2norm_grad.wgsl and l2norm_grad_serial.wgsl.
//
// Includer  includes row_of_workgroup.wgsl or row_of_invocation.wgsl
// Shapes    out, dout and dx [rows, width], inverse_norm [rows]

#include "../parts/rows_of_width.wgsl"

@group(0) @binding(1) var<storage, read> out: array<Element>;
@group(0) @binding(2) var<storage, read> inverse_norm: array<f32>;
@group(0) @binding(3) var<storage, read> dout: array<Element>;
@group(0) @binding(4) var<storage, read_write> dx: array<Element>;

fn task(row: u32, lane: u32) {
  let start = row * row_length();
  var products = Element();
  for (var k = lane; k < row_length(); k += LANES) {
    products += out[start + k] * dout[start + k];
  }
  let along = row_sum(products, lane);
  for (var k = lane; k < row_length(); k += LANES) {
    dx[start + k] = inverse_norm[row] * (dout[start + k] - out[start + k] * along);
  }
}

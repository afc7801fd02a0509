// l2norm_grad.wgsl with one invocation per row, for software adapters: no barriers, vectors of four.
//
// Shapes    out, dout and dx [rows, width], width a multiple of 4; inverse_norm [rows]
// Dispatch  one item per row

#include "../parts/each_row_serial.wgsl"
#include "../parts/rows_of_width.wgsl"

@group(0) @binding(0) var<storage, read> out: array<vec4f>;
@group(0) @binding(1) var<storage, read> inverse_norm: array<f32>;
@group(0) @binding(2) var<storage, read> dout: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

fn item(row: u32) {
  let vectors = params.width / 4u;
  let start = row * vectors;
  var products = vec4f();
  for (var k = 0u; k < vectors; k++) {
    products += out[start + k] * dout[start + k];
  }
  let along = (products.x + products.y) + (products.z + products.w);
  for (var k = 0u; k < vectors; k++) {
    dx[start + k] = inverse_norm[row] * (dout[start + k] - out[start + k] * along);
  }
}

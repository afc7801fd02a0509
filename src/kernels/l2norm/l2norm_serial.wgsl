// l2norm.wgsl with one invocation per row, for software adapters: no barriers, vectors of four.
//
// Shapes    x and out [rows, width], width a multiple of 4; inverse_norm [rows]
// Dispatch  one item per row
// Saved for backward: out, inverse_norm (0 for a row of zeros, which makes its gradient 0)

#include "../parts/each_row_serial.wgsl"
#include "../parts/rows_of_width.wgsl"

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> inverse_norm: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

fn item(row: u32) {
  let vectors = params.width / 4u;
  let start = row * vectors;
  var squares = vec4f();
  for (var k = 0u; k < vectors; k++) {
    squares += x[start + k] * x[start + k];
  }
  let total = (squares.x + squares.y) + (squares.z + squares.w);
  var inverse = 0.0;
  if (total > 0.0) {
    inverse = 1.0 / sqrt(total);
  }
  for (var k = 0u; k < vectors; k++) {
    out[start + k] = x[start + k] * inverse;
  }
  inverse_norm[row] = inverse;
}

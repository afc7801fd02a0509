// layernorm_grad.wgsl with one invocation per row, for software adapters: no barriers, vectors of four.
//
// Shapes    dout, x, addend and dx [rows, width], weight [width], width a multiple of 4
// Dispatch  one item per row

#include "../parts/each_row_serial.wgsl"
#include "row_params.wgsl"
#include "serial_statistics.wgsl"

override ADDEND: bool = false;

@group(0) @binding(0) var<storage, read> dout: array<vec4f>;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read> addend: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

fn item(row: u32) {
  let vectors = params.width / 4u;
  let start = row * vectors;
  let found = statistics(start, vectors);
  let center = found.x;
  let scale = found.y;
  var sum_d = vec4f();
  var sum_dx = vec4f(); // of d * xhat
  for (var k = 0u; k < vectors; k++) {
    let d = dout[start + k] * weight[k];
    sum_d += d;
    sum_dx += d * ((x[start + k] - center) * scale);
  }
  let mean_d = sum(sum_d) / f32(params.width);
  let mean_dx = sum(sum_dx) / f32(params.width);
  for (var k = 0u; k < vectors; k++) {
    let d = dout[start + k] * weight[k];
    var value = scale * (d - mean_d - (x[start + k] - center) * scale * mean_dx);
    if (ADDEND) {
      value += addend[start + k];
    }
    dx[start + k] = value;
  }
}

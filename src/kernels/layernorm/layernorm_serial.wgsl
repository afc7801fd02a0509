// layernorm.wgsl with one invocation per row, for software adapters: no barriers, vectors of four.
//
// Shapes    x and out [rows, width], weight and bias [width], width a multiple of 4; mean and inverse_std [rows]
// Dispatch  one item per row
// Saved for backward: mean, inverse_std

#include "../parts/each_row_serial.wgsl"
#include "row_params.wgsl"
#include "serial_statistics.wgsl"

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> inverse_std: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

fn item(row: u32) {
  let vectors = params.width / 4u;
  let start = row * vectors;
  let found = statistics(start, vectors);
  let center = found.x;
  let scale = found.y;
  for (var k = 0u; k < vectors; k++) {
    out[start + k] = (x[start + k] - center) * scale * weight[k] + bias[k];
  }
  mean[row] = center;
  inverse_std[row] = scale;
}

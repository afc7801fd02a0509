// A row of layernorm.wgsl and layernorm_serial.wgsl.
//
// Includer  includes row_of_workgroup.wgsl or row_of_invocation.wgsl
// Shapes    x and out [rows, width], weight and bias [width], mean and inverse_std [rows]
// Saved for backward: mean, inverse_std

#include "statistics.wgsl"

@group(0) @binding(3) var<storage, read> bias: array<Element>;
@group(0) @binding(4) var<storage, read_write> out: array<Element>;
@group(0) @binding(5) var<storage, read_write> mean: array<f32>;
@group(0) @binding(6) var<storage, read_write> inverse_std: array<f32>;

fn task(row: u32, lane: u32) {
  let start = row * row_length();
  let found = statistics(start, lane);
  let center = found.x;
  let scale = found.y;
  for (var k = lane; k < row_length(); k += LANES) {
    out[start + k] = (x[start + k] - center) * scale * weight[k] + bias[k];
  }
  if (lane == 0u) {
    mean[row] = center;
    inverse_std[row] = scale;
  }
}

// dx = (d - mean(d) - xhat * mean(d * xhat)) / std with d = dout * weight and xhat = (x - mean) / std.
//
// Shapes    dout, x and dx [rows, width], weight [width], mean and inverse_std [rows]
// Dispatch  one task per row

#include "../parts/each_workgroup.wgsl"
#include "../parts/tree_sum.wgsl"

struct Params {
  rows: u32,
  width: u32,
}

@group(0) @binding(0) var<storage, read> dout: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> inverse_std: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

alias Partial = vec2f;

fn tasks() -> u32 {
  return params.rows;
}

fn task(row: u32, lane: u32) {
  let start = row * params.width;
  let center = mean[row];
  let scale = inverse_std[row];
  var sums = vec2f(); // of d and d * xhat
  for (var k = lane; k < params.width; k += WORKGROUP) {
    let d = dout[start + k] * weight[k];
    sums += vec2f(d, d * (x[start + k] - center) * scale);
  }
  let total = tree_sum(sums, lane);
  let means = total / f32(params.width);
  for (var k = lane; k < params.width; k += WORKGROUP) {
    let d = dout[start + k] * weight[k];
    let normalized = (x[start + k] - center) * scale;
    // A row of one element is constant: exactly 0, also where the compiler fuses multiplication and subtraction.
    dx[start + k] = select(scale * (d - means.x - normalized * means.y), 0.0, params.width == 1u);
  }
}

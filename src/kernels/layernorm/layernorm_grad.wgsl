// dx = addend + (d - mean(d) - xhat * mean(d * xhat)) / std with d = dout * weight and xhat = (x - mean) / std.
//
// Shapes    dout, x, addend and dx [rows, width], weight [width]
// Dispatch  one task per row

#include "../parts/each_row.wgsl"
#include "../parts/tree_sum.wgsl"
#include "row_params.wgsl"

override ADDEND: bool = false;

@group(0) @binding(0) var<storage, read> dout: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> addend: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

alias Partial = vec2f;

fn task(row: u32, lane: u32) {
  let start = row * params.width;
  // As layernorm.wgsl, to the bit.
  var sum_x = 0.0;
  for (var k = lane; k < params.width; k += WORKGROUP) {
    sum_x += x[start + k];
  }
  let center = tree_sum(vec2f(sum_x, 0.0), lane).x / f32(params.width);
  workgroupBarrier();
  var squares = 0.0;
  for (var k = lane; k < params.width; k += WORKGROUP) {
    let deviation = x[start + k] - center;
    squares += deviation * deviation;
  }
  let variance = tree_sum(vec2f(squares, 0.0), lane).x / f32(params.width);
  workgroupBarrier();
  let scale = 1.0 / sqrt(variance + params.epsilon);
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
    var value = select(scale * (d - means.x - normalized * means.y), 0.0, params.width == 1u);
    if (ADDEND) {
      value += addend[start + k];
    }
    dx[start + k] = value;
  }
}

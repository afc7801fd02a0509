// Rows of x are replaced by tokens, then layernorm.wgsl, to the bit.
//
// Shapes    as layernorm.wgsl has them; tokens [first_token + count at least, width] for rows first_row ..
//           first_row + count - 1 of x, which are written
// Dispatch  one task per row

#include "../parts/each_row.wgsl"
#include "../parts/tree_sum.wgsl"

struct Params {
  rows: u32,
  width: u32,
  epsilon: f32,
  first_row: u32,
  count: u32,
  first_token: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> tokens: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read_write> mean: array<f32>;
@group(0) @binding(7) var<storage, read_write> inverse_std: array<f32>;

alias Partial = f32;

fn task(row: u32, lane: u32) {
  let start = row * params.width;
  // Every lane reads again what it wrote itself.
  if (row >= params.first_row && row < params.first_row + params.count) {
    let token = (params.first_token + row - params.first_row) * params.width;
    for (var k = lane; k < params.width; k += WORKGROUP) {
      x[start + k] = tokens[token + k];
    }
  }
  var total = 0.0;
  for (var k = lane; k < params.width; k += WORKGROUP) {
    total += x[start + k];
  }
  let center = tree_sum(total, lane) / f32(params.width);
  workgroupBarrier(); // for the second reduction
  var squares = 0.0;
  for (var k = lane; k < params.width; k += WORKGROUP) {
    let deviation = x[start + k] - center;
    squares += deviation * deviation;
  }
  let variance = tree_sum(squares, lane) / f32(params.width);
  let scale = 1.0 / sqrt(variance + params.epsilon);
  for (var k = lane; k < params.width; k += WORKGROUP) {
    out[start + k] = (x[start + k] - center) * scale * weight[k] + bias[k];
  }
  if (lane == 0u) {
    mean[row] = center;
    inverse_std[row] = scale;
  }
}

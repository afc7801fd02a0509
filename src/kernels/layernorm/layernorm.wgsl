// out = (x - mean) / std * weight + bias over the last dimension.
//
// Shapes    x and out [rows, width], weight and bias [width], mean and inverse_std [rows]
// Dispatch  one task per row
// Saved for backward: mean, inverse_std

#include "../parts/each_row.wgsl"
#include "../parts/tree_sum.wgsl"
#include "row_params.wgsl"

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> inverse_std: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

alias Partial = f32;

fn task(row: u32, lane: u32) {
  let start = row * params.width;
  var total = 0.0;
  for (var k = lane; k < params.width; k += WORKGROUP) {
    total += x[start + k];
  }
  let center = tree_sum(total, lane) / f32(params.width);
  workgroupBarrier(); // for the second reduction
  // Second pass: squares of x itself would lose the variance of rows that lie far from 0.
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

// out = (x - mean) / std * weight + bias over the last dimension.
//
// Shapes    x and out [rows, width], weight and bias [width], mean and inverse_std [rows]
// Dispatch  one workgroup per row, spread over x and y
// Saved for backward: mean, inverse_std

override WORKGROUP: u32 = 64u;

struct Params {
  rows: u32,
  width: u32,
  epsilon: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> inverse_std: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> partial: array<f32, WORKGROUP>;

fn sum(value: f32, lane: u32) -> f32 {
  partial[lane] = value;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
    workgroupBarrier();
  }
  let total = partial[0];
  workgroupBarrier(); // `partial` is free again
  return total;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) {
    return;
  }
  let start = row * params.width;
  var total = 0.0;
  for (var k = lane; k < params.width; k += WORKGROUP) {
    total += x[start + k];
  }
  let center = sum(total, lane) / f32(params.width);
  // Second pass: squares of x itself would lose the variance of rows that lie far from 0.
  var squares = 0.0;
  for (var k = lane; k < params.width; k += WORKGROUP) {
    let deviation = x[start + k] - center;
    squares += deviation * deviation;
  }
  let variance = sum(squares, lane) / f32(params.width);
  let scale = 1.0 / sqrt(variance + params.epsilon);
  for (var k = lane; k < params.width; k += WORKGROUP) {
    out[start + k] = (x[start + k] - center) * scale * weight[k] + bias[k];
  }
  if (lane == 0u) {
    mean[row] = center;
    inverse_std[row] = scale;
  }
}

// out = x / |x| over the last dimension; a row of zeros gives zeros.
//
// Shapes    x and out [rows, width], inverse_norm [rows]
// Dispatch  one workgroup per row, spread over x and y
// Saved for backward: out, inverse_norm (0 for a row of zeros, which makes its gradient 0)

override WORKGROUP: u32 = 64u;

struct Params {
  rows: u32,
  width: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<storage, read_write> inverse_norm: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> partial: array<f32, WORKGROUP>;

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
  var squares = 0.0;
  for (var k = lane; k < params.width; k += WORKGROUP) {
    squares += x[start + k] * x[start + k];
  }
  partial[lane] = squares;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
    workgroupBarrier();
  }
  var inverse = 0.0;
  if (partial[0] > 0.0) {
    inverse = 1.0 / sqrt(partial[0]);
  }
  for (var k = lane; k < params.width; k += WORKGROUP) {
    out[start + k] = x[start + k] * inverse;
  }
  if (lane == 0u) {
    inverse_norm[row] = inverse;
  }
}

// dx = (dout - out * sum of out * dout) / |x| over the last dimension; 0 for a row of zeros.
//
// Shapes    out, dout and dx [rows, width], inverse_norm [rows]
// Dispatch  one workgroup per row, spread over x and y

override WORKGROUP: u32 = 64u;

struct Params {
  rows: u32,
  width: u32,
}

@group(0) @binding(0) var<storage, read> out: array<f32>;
@group(0) @binding(1) var<storage, read> inverse_norm: array<f32>;
@group(0) @binding(2) var<storage, read> dout: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

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
  var along = 0.0;
  for (var k = lane; k < params.width; k += WORKGROUP) {
    along += out[start + k] * dout[start + k];
  }
  partial[lane] = along;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
    workgroupBarrier();
  }
  for (var k = lane; k < params.width; k += WORKGROUP) {
    dx[start + k] = inverse_norm[row] * (dout[start + k] - out[start + k] * partial[0]);
  }
}

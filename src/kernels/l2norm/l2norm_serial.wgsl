// l2norm.wgsl with one invocation per row, for software adapters: no barriers, vectors of four.
//
// Shapes    x and out [rows, width], width a multiple of 4; inverse_norm [rows]
// Dispatch  WORKGROUP rows per workgroup, workgroups spread over x and y
// Saved for backward: out, inverse_norm (0 for a row of zeros, which makes its gradient 0)

override WORKGROUP: u32 = 8u;

struct Params {
  rows: u32,
  width: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> inverse_norm: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (row >= params.rows) {
    return;
  }
  let vectors = params.width / 4u;
  let start = row * vectors;
  var squares = vec4f();
  for (var k = 0u; k < vectors; k++) {
    squares += x[start + k] * x[start + k];
  }
  let total = (squares.x + squares.y) + (squares.z + squares.w);
  var inverse = 0.0;
  if (total > 0.0) {
    inverse = 1.0 / sqrt(total);
  }
  for (var k = 0u; k < vectors; k++) {
    out[start + k] = x[start + k] * inverse;
  }
  inverse_norm[row] = inverse;
}

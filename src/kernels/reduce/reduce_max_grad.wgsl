// dx of the maximum: the upstream gradient where the maximum was taken, 0 elsewhere.
//
// Shapes    dout [outer, inner], argmax [outer, inner] (i32), dx [outer, length, inner]
// Dispatch  one invocation per element of dx, WORKGROUP per workgroup, workgroups spread over x and y

override WORKGROUP: u32 = 64u;

struct Params {
  outer: u32,
  length: u32,
  inner: u32,
}

@group(0) @binding(0) var<storage, read> dout: array<f32>;
@group(0) @binding(1) var<storage, read> argmax: array<i32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.outer * params.length * params.inner) {
    return;
  }
  let k = (i / params.inner) % params.length;
  let row = i / (params.inner * params.length) * params.inner + i % params.inner;
  dx[i] = select(0.0, dout[row], u32(argmax[row]) == k);
}

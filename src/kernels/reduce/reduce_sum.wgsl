// out = scale * sum of x over the middle dimension, one invocation per sum.
//
// Shapes    x [outer, length, inner], out [outer, inner]
// Dispatch  one invocation per element of out, WORKGROUP per workgroup, workgroups spread over x and y
// Saved for backward: nothing. For short or many sums; reduce_sum_tree.wgsl serves few long ones.

override WORKGROUP: u32 = 64u;

struct Params {
  outer: u32,
  length: u32,
  inner: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.outer * params.inner) {
    return;
  }
  let start = (i / params.inner) * params.length * params.inner + i % params.inner;
  var sum = 0.0;
  for (var k = 0u; k < params.length; k++) {
    sum += x[start + k * params.inner];
  }
  out[i] = params.scale * sum;
}

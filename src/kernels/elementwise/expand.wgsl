// out = scale * x + offset, with x broadcast to the shape of out.
//
// Shapes    out [d0, d1, d2, d3]; x has stride 0 along the dimensions that it is repeated over
// Dispatch  one invocation per element of out, WORKGROUP per workgroup, workgroups spread over x and y
// Saved for backward: nothing

override WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  scale: f32,
  offset: f32,
  shape: vec4u,
  strides: vec4u,
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
  if (i >= params.count) {
    return;
  }
  var rest = i;
  var index: vec4u;
  index.w = rest % params.shape.w;
  rest /= params.shape.w;
  index.z = rest % params.shape.z;
  rest /= params.shape.z;
  index.y = rest % params.shape.y;
  index.x = rest / params.shape.y;
  let at = index * params.strides;
  out[i] = params.scale * x[at.x + at.y + at.z + at.w] + params.offset;
}

// out = x with its dimensions in another order.
//
// Shapes    out [d0, d1, d2, d3, d4] after the host's merging, any type of 4 bytes an element: bits are copied.
//           `strides` are those of x along the dimensions of out, `outer_stride` the one along d0
// Dispatch  one invocation per element of out, WORKGROUP per workgroup, workgroups spread over x and y
// Saved for backward: nothing

override WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  outer_stride: u32,
  shape: vec4u, // d1 .. d4
  strides: vec4u,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;
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
  rest /= params.shape.y;
  index.x = rest % params.shape.x;
  rest /= params.shape.x;
  let at = index * params.strides;
  out[i] = x[rest * params.outer_stride + at.x + at.y + at.z + at.w];
}

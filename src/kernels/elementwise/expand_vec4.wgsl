// out = scale * x + offset, with x broadcast to the shape of out, four neighbours per invocation.
//
// Shapes    out [d0, d1, d2, d3], d3 a multiple of 4; x has stride 0 along the dimensions that it is repeated over, and
//           along d3 it is contiguous or repeated
// Dispatch  one invocation per four elements of out, WORKGROUP per workgroup, workgroups spread over x and y
// Saved for backward: nothing

override WORKGROUP: u32 = 64u;

struct Params {
  quads: u32,
  scale: f32,
  offset: f32,
  shape: vec4u,
  strides: vec4u,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.quads) {
    return;
  }
  let inner = params.shape.w / 4u;
  var rest = i / inner;
  var index: vec4u;
  index.w = (i % inner) * 4u;
  index.z = rest % params.shape.z;
  rest /= params.shape.z;
  index.y = rest % params.shape.y;
  index.x = rest / params.shape.y;
  let parts = index * params.strides;
  let at = parts.x + parts.y + parts.z + parts.w;
  var value = x[at / 4u];
  if (params.strides.w == 0u) {
    value = vec4f(value[at % 4u]);
  }
  out[i] = params.scale * value + params.offset;
}

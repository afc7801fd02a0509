// out = a OP b, with NumPy's broadcasting.
//
// Shapes    out [d0, d1, d2, d3]; a and b have the same rank after the host's collapsing, with stride 0 where broadcast
// Dispatch  one invocation per element of out, WORKGROUP per workgroup, workgroups spread over x and y
// Saved for backward: nothing (the rule needs a and b only for products and quotients)

override OPERATION: u32 = 0u; // 0 add, 1 subtract, 2 multiply, 3 divide
override WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  shape: vec4u,
  strides_a: vec4u,
  strides_b: vec4u,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

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
  let from_a = index * params.strides_a;
  let from_b = index * params.strides_b;
  let x = a[from_a.x + from_a.y + from_a.z + from_a.w];
  let y = b[from_b.x + from_b.y + from_b.z + from_b.w];
  switch (OPERATION) {
    case 0u: { out[i] = x + y; }
    case 1u: { out[i] = x - y; }
    case 2u: { out[i] = x * y; }
    default: { out[i] = x / y; }
  }
}

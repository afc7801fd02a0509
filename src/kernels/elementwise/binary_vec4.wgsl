// out = a OP b, with NumPy's broadcasting, four neighbours per invocation.
//
// Shapes    out [d0, d1, d2, d3], d3 a multiple of 4; a and b have the same rank after the host's collapsing, with
//           stride 0 where broadcast; along d3 an operand is contiguous or repeated
// Dispatch  one invocation per four elements of out, WORKGROUP per workgroup, workgroups spread over x and y
// Saved for backward: nothing (the rule needs a and b only for products and quotients)

override OPERATION: u32 = 0u; // 0 add, 1 subtract, 2 multiply, 3 divide
override WORKGROUP: u32 = 64u;

struct Params {
  quads: u32,
  shape: vec4u,
  strides_a: vec4u,
  strides_b: vec4u,
}

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

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
  let parts_a = index * params.strides_a;
  let parts_b = index * params.strides_b;
  let from_a = parts_a.x + parts_a.y + parts_a.z + parts_a.w;
  let from_b = parts_b.x + parts_b.y + parts_b.z + parts_b.w;
  var x = a[from_a / 4u];
  var y = b[from_b / 4u];
  if (params.strides_a.w == 0u) {
    x = vec4f(x[from_a % 4u]);
  }
  if (params.strides_b.w == 0u) {
    y = vec4f(y[from_b % 4u]);
  }
  switch (OPERATION) {
    case 0u: { out[i] = x + y; }
    case 1u: { out[i] = x - y; }
    case 2u: { out[i] = x * y; }
    default: { out[i] = x / y; }
  }
}

// dx = dout * (s + 1.702 x s (1 - s)) with s = sigmoid(1.702 x).
//
// Shapes    x, dout and dx alike, `count` elements
// Dispatch  WORKGROUP * ITEMS elements per workgroup, workgroups spread over x and y

override WORKGROUP: u32 = 64u;
override ITEMS: u32 = 16u; // elements per invocation, four at a time

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dout: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let vectors = WORKGROUP * ITEMS / 4u;
  let start = (group.y * groups.x + group.x) * vectors;
  let end = min((params.count + 3u) / 4u, start + vectors);
  for (var i = start + lane; i < end; i += WORKGROUP) {
    // The slope of the sigmoid is even, so both come from exp of a negative number: nothing overflows.
    let z = 1.702 * clamp(x[i], vec4f(-120.0), vec4f(120.0));
    let decay = exp(-abs(z));
    let sigmoid = select(decay, vec4f(1.0), z >= vec4f()) / (1.0 + decay);
    let slope = decay / ((1.0 + decay) * (1.0 + decay));
    let result = dout[i] * (sigmoid + z * slope);
    if (4u * i + 4u <= params.count) {
      dx[i] = result;
    } else {
      for (var j = 0u; 4u * i + j < params.count; j++) {
        dx[i][j] = result[j];
      }
    }
  }
}

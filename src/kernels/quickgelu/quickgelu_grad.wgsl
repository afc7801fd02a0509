// dx = dout * (s + 1.702 x s (1 - s)) with s = sigmoid(1.702 x).
//
// Shapes    x, dout and dx alike, `count` elements
// Dispatch  WORKGROUP * ITEMS elements per workgroup, workgroups spread over x and y

override WORKGROUP: u32 = 64u;
override ITEMS: u32 = 8u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dout: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let start = (group.y * groups.x + group.x) * WORKGROUP * ITEMS;
  let end = min(params.count, start + WORKGROUP * ITEMS);
  for (var i = start + lane; i < end; i += WORKGROUP) {
    // The slope of the sigmoid is even, so both come from exp of a negative number: nothing overflows.
    let z = 1.702 * clamp(x[i], -120.0, 120.0);
    let decay = exp(-abs(z));
    let sigmoid = select(decay, 1.0, z >= 0.0) / (1.0 + decay);
    let slope = decay / ((1.0 + decay) * (1.0 + decay));
    dx[i] = dout[i] * (sigmoid + z * slope);
  }
}

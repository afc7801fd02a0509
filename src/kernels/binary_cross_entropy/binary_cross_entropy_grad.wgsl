// dx = dout (negative sigmoid(x) - positive sigmoid(-x)).
//
// Shapes    x, positive, negative, dout and dx alike, `count` elements
// Dispatch  one invocation per ITEMS elements, WORKGROUP per workgroup, workgroups spread over x and y

override WORKGROUP: u32 = 64u;
override ITEMS: u32 = 8u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> positive: array<f32>;
@group(0) @binding(2) var<storage, read> negative: array<f32>;
@group(0) @binding(3) var<storage, read> dout: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = ((group.y * groups.x + group.x) * WORKGROUP + lane) * ITEMS;
  for (var i = first; i < min(first + ITEMS, params.count); i++) {
    // The smaller of the two sigmoids, without overflow; the other one is 1 minus it.
    let e = exp(-abs(x[i]));
    let small = e / (1.0 + e);
    let large = 1.0 / (1.0 + e);
    let sigmoid = select(small, large, x[i] >= 0.0);
    let opposite = select(large, small, x[i] >= 0.0);
    dx[i] = dout[i] * (negative[i] * sigmoid - positive[i] * opposite);
  }
}

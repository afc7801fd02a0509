// Weighted binary cross entropy from logits: out = positive softplus(-x) + negative softplus(x).
//
// Shapes    x, positive, negative and out alike, `count` elements
// Dispatch  one invocation per ITEMS elements, WORKGROUP per workgroup, workgroups spread over x and y
// Saved for backward: nothing (the rule needs the inputs only)

override WORKGROUP: u32 = 64u;
override ITEMS: u32 = 8u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> positive: array<f32>;
@group(0) @binding(2) var<storage, read> negative: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = ((group.y * groups.x + group.x) * WORKGROUP + lane) * ITEMS;
  for (var i = first; i < min(first + ITEMS, params.count); i++) {
    // softplus(x) - max(x, 0), the same for x and -x.
    let rest = log(1.0 + exp(-abs(x[i])));
    out[i] = positive[i] * (max(-x[i], 0.0) + rest) + negative[i] * (max(x[i], 0.0) + rest);
  }
}

// out = x * sigmoid(1.702 x), CLIP's activation.
//
// Shapes    x and out alike, `count` elements
// Dispatch  WORKGROUP * ITEMS elements per workgroup, workgroups spread over x and y
// Saved for backward: nothing (the rule needs x only)

override WORKGROUP: u32 = 64u;
override ITEMS: u32 = 8u;

struct Params {
  count: u32,
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
  let start = (group.y * groups.x + group.x) * WORKGROUP * ITEMS;
  let end = min(params.count, start + WORKGROUP * ITEMS);
  for (var i = start + lane; i < end; i += WORKGROUP) {
    let value = x[i];
    // exp of a negative number only, so that nothing overflows; it is 0 at the clamp.
    let decay = exp(-1.702 * min(abs(value), 120.0));
    out[i] = value * select(decay, 1.0, value >= 0.0) / (1.0 + decay);
  }
}

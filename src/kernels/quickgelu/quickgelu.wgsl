// out = x * sigmoid(1.702 x), CLIP's activation.
//
// Shapes    x and out alike, `count` elements
// Dispatch  WORKGROUP * ITEMS elements per workgroup, workgroups spread over x and y
// Saved for backward: nothing (the rule needs x only)

override WORKGROUP: u32 = 64u;
override ITEMS: u32 = 16u; // elements per invocation, four at a time

struct Params {
  count: u32,
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
  let vectors = WORKGROUP * ITEMS / 4u;
  let start = (group.y * groups.x + group.x) * vectors;
  let end = min((params.count + 3u) / 4u, start + vectors);
  for (var i = start + lane; i < end; i += WORKGROUP) {
    let value = x[i];
    // exp of a negative number only, so that nothing overflows; it is 0 at the clamp.
    let decay = exp(-1.702 * min(abs(value), vec4f(120.0)));
    let result = value * select(decay, vec4f(1.0), value >= vec4f()) / (1.0 + decay);
    if (4u * i + 4u <= params.count) {
      out[i] = result;
    } else {
      for (var j = 0u; 4u * i + j < params.count; j++) {
        out[i][j] = result[j];
      }
    }
  }
}

// out = x * Phi(x), Phi the normal distribution's cumulative function: GELU (Hendrycks and Gimpel, 2016), exact form.
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

// The upper tail of the normal distribution at |z|: erfc(|z| / sqrt(2)) / 2, by the rational approximation 7.1.26 of
// Abramowitz and Stegun (error below 1e-7).
fn tail(z: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.23164189 * abs(z)); // 0.3275911 / sqrt(2)
  let series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return 0.5 * series * exp(-0.5 * z * z);
}

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
    let z = clamp(value, -15.0, 15.0); // the tail is 0 there, and z * z does not overflow
    let above = tail(z);
    out[i] = value * select(above, 1.0 - above, value >= 0.0);
  }
}

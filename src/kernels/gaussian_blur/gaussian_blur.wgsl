// out = x correlated with `weights` along the middle dimension; borders are mirrored, repeating the outermost element
// (d c b a | a b c d | d c b a), as often as the radius asks for.
//
// Shapes    x and out [outer, length, inner], weights [taps], taps = 2 * radius + 1
// Dispatch  one invocation per element of out, WORKGROUP per workgroup, workgroups spread over x and y
// Saved for backward: nothing (no gradient)

override WORKGROUP: u32 = 64u;

struct Params {
  outer: u32,
  length: u32,
  inner: u32,
  taps: u32,
  shift: u32, // a multiple of the period 2 * length, minus the radius: keeps positions from going below 0
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.outer * params.length * params.inner) {
    return;
  }
  let position = (i / params.inner) % params.length;
  let start = i - position * params.inner;
  let period = 2u * params.length;
  var k = (position + params.shift) % period; // position - radius, within one period of the mirrored row
  var sum = 0.0;
  for (var tap = 0u; tap < params.taps; tap++) {
    let mirrored = select(period - 1u - k, k, k < params.length);
    sum += weights[tap] * x[start + mirrored * params.inner];
    k = select(k + 1u, 0u, k + 1u == period);
  }
  out[i] = sum;
}

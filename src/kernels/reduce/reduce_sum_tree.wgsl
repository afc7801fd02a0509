// out = scale * sum of x over the middle dimension, one workgroup per stretch of a sum.
//
// Shapes    x [outer, length, inner], out [outer, stretches, inner]; stretch s sums the elements
//           s * stretch .. min(length, (s + 1) * stretch) of its row
// Dispatch  one workgroup per element of out, spread over x and y. A second pass with one stretch sums the stretches:
//           the order is fixed, so the same adapter gives the same bits.
// Saved for backward: nothing

override WORKGROUP: u32 = 64u;

struct Params {
  outer: u32,
  length: u32,
  inner: u32,
  stretch: u32,
  stretches: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> partial: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group.y * groups.x + group.x;
  if (i >= params.outer * params.stretches * params.inner) {
    return;
  }
  let column = i % params.inner;
  let stretch = (i / params.inner) % params.stretches;
  let row = i / (params.inner * params.stretches);
  let end = min(params.length, (stretch + 1u) * params.stretch);
  var sum = 0.0;
  for (var k = stretch * params.stretch + lane; k < end; k += WORKGROUP) {
    sum += x[(row * params.length + k) * params.inner + column];
  }
  partial[lane] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
    workgroupBarrier();
  }
  if (lane == 0u) {
    out[i] = params.scale * partial[0];
  }
}

// out = softmax of scale * x along the middle dimension.
//
// Shapes    x and out [outer, length, inner]; a row is one (outer, inner)
// Dispatch  one workgroup per row, spread over x and y
// Saved for backward: out itself

override WORKGROUP: u32 = 64u;

struct Params {
  outer: u32,
  length: u32,
  inner: u32,
  scale: f32, // positive
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
  let row = group.y * groups.x + group.x;
  if (row >= params.outer * params.inner) {
    return;
  }
  let start = (row / params.inner) * params.length * params.inner + row % params.inner;

  // Lanes past the end of a short row have the maximum of nothing; WGSL has no infinity to begin with.
  var highest = -3.4e38;
  for (var k = lane; k < params.length; k += WORKGROUP) {
    highest = max(highest, x[start + k * params.inner]);
  }
  partial[lane] = highest;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      partial[lane] = max(partial[lane], partial[lane + half]);
    }
    workgroupBarrier();
  }
  highest = partial[0];
  workgroupBarrier(); // `partial` is free again

  // Scaling the difference rather than x keeps the exponent's rounding error relative to its distance from 0.
  var sum = 0.0;
  for (var k = lane; k < params.length; k += WORKGROUP) {
    let i = start + k * params.inner;
    let value = exp(params.scale * (x[i] - highest));
    out[i] = value;
    sum += value;
  }
  partial[lane] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
    workgroupBarrier();
  }
  sum = partial[0];
  for (var k = lane; k < params.length; k += WORKGROUP) {
    out[start + k * params.inner] /= sum;
  }
}

// out = softmax of scale * x along the middle dimension.
//
// Shapes    x and out [outer, length, inner]; a row is one (outer, inner)
// Dispatch  LANES invocations per row (a power of two that divides WORKGROUP), WORKGROUP per workgroup,
//           workgroups spread over x and y
// Saved for backward: out itself

override WORKGROUP: u32 = 64u;
override LANES: u32 = 64u; // 1 for short rows, more for long ones

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
  let row = (group.y * groups.x + group.x) * (WORKGROUP / LANES) + lane / LANES;
  let first = lane % LANES; // element of the row where this invocation begins
  let home = lane - first; // where the row's partial results lie
  let start = (row / params.inner) * params.length * params.inner + row % params.inner;
  // Invocations without a row go along, so that all reach the barriers.
  let end = select(0u, params.length, row < params.outer * params.inner);

  // Other lanes' maxima may be those of nothing; WGSL has no infinity to begin with.
  var highest = -3.4e38;
  for (var k = first; k < end; k += LANES) {
    highest = max(highest, x[start + k * params.inner]);
  }
  if (LANES > 1u) {
    partial[lane] = highest;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
      if (first < half) {
        partial[lane] = max(partial[lane], partial[lane + half]);
      }
      workgroupBarrier();
    }
    highest = partial[home];
    workgroupBarrier();
  }

  // Scaling the difference rather than x keeps the exponent's rounding error relative to its distance from 0.
  var sum = 0.0;
  for (var k = first; k < end; k += LANES) {
    let i = start + k * params.inner;
    let value = exp(params.scale * (x[i] - highest));
    out[i] = value;
    sum += value;
  }
  if (LANES > 1u) {
    partial[lane] = sum;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
      if (first < half) {
        partial[lane] += partial[lane + half];
      }
      workgroupBarrier();
    }
    sum = partial[home];
  }
  for (var k = first; k < end; k += LANES) {
    out[start + k * params.inner] /= sum;
  }
}

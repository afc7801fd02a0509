// dx = scale * out * (dout - sum of out * dout) along the middle dimension + addend.
//
// Shapes    out, dout, addend and dx [outer, length, inner]; a row is one (outer, inner)
// Dispatch  as softmax.wgsl

#include "../parts/line.wgsl"
#include "params.wgsl"

override WORKGROUP: u32 = 64u;
override LANES: u32 = 64u;
override ADDEND: bool = false;

@group(0) @binding(1) var<storage, read> out: array<f32>;
@group(0) @binding(2) var<storage, read> dout: array<f32>;
@group(0) @binding(3) var<storage, read> addend: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

var<workgroup> partial: array<f32, WORKGROUP>;
var<workgroup> places: array<u32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (group.y * groups.x + group.x) * (WORKGROUP / LANES) + lane / LANES;
  let first = lane % LANES;
  let start = line_start(row, params.length, params.inner);
  let end = select(0u, params.length, row < params.outer * params.inner);
  // Differences from the upstream value of the likeliest element: where all are alike, as in a row of one element, the
  // result is exactly 0, and where one is almost certain, 1 - out is never formed.
  var likeliest = select(0u, start, end > 0u);
  var highest = -1.0;
  for (var k = first; k < end; k += LANES) {
    let i = start + k * params.inner;
    if (out[i] > highest) {
      highest = out[i];
      likeliest = i;
    }
  }
  if (LANES > 1u) {
    partial[lane] = highest;
    places[lane] = likeliest;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
      if (first < half && partial[lane + half] > partial[lane]) {
        partial[lane] = partial[lane + half];
        places[lane] = places[lane + half];
      }
      workgroupBarrier();
    }
    likeliest = places[lane - first];
    workgroupBarrier();
  }
  let base = dout[likeliest];
  var sum = 0.0;
  for (var k = first; k < end; k += LANES) {
    let i = start + k * params.inner;
    sum += out[i] * (dout[i] - base);
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
    sum = partial[lane - first];
  }
  for (var k = first; k < end; k += LANES) {
    let i = start + k * params.inner;
    var value = params.scale * out[i] * (dout[i] - base - sum);
    if (ADDEND) {
      value += addend[i];
    }
    dx[i] = value;
  }
}

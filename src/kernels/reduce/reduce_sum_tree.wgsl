// out = scale * sum of x over the middle dimension + addend, one workgroup per stretch of a sum.
//
// Shapes    x [outer, length, inner], out and addend [outer, stretches, inner]; stretch s sums the elements
//           s * stretch .. min(length, (s + 1) * stretch) of its row
// Dispatch  one task per element of out. A second pass with one stretch sums the stretches:
//           the order is fixed, so the same adapter gives the same bits.
// Saved for backward: nothing

#include "../parts/each_workgroup.wgsl"
#include "../parts/tree_sum.wgsl"

override ADDEND: bool = false;

struct Params {
  outer: u32,
  length: u32,
  inner: u32,
  stretch: u32,
  stretches: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> addend: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

alias Partial = f32;

fn tasks() -> u32 {
  return params.outer * params.stretches * params.inner;
}

fn task(i: u32, lane: u32) {
  let column = i % params.inner;
  let stretch = (i / params.inner) % params.stretches;
  let row = i / (params.inner * params.stretches);
  let end = min(params.length, (stretch + 1u) * params.stretch);
  var sum = 0.0;
  for (var k = stretch * params.stretch + lane; k < end; k += WORKGROUP) {
    sum += x[(row * params.length + k) * params.inner + column];
  }
  let total = tree_sum(sum, lane);
  if (lane == 0u) {
    var value = params.scale * total;
    if (ADDEND) {
      value += addend[i];
    }
    out[i] = value;
  }
}

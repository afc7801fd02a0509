// out = scale * sum of x over the middle dimension + addend, one invocation per sum.
//
// Shapes    x [outer, length, inner], out and addend [outer, inner]
// Dispatch  one item per element of out
// Saved for backward: nothing. For short or many sums; reduce_sum_tree.wgsl serves few long ones.

#include "../parts/each_item.wgsl"
#include "../parts/line.wgsl"

override ADDEND: bool = false;

struct Params {
  outer: u32,
  length: u32,
  inner: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> addend: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn items() -> u32 {
  return params.outer * params.inner;
}

fn item(i: u32) {
  let start = line_start(i, params.length, params.inner);
  var sum = 0.0;
  for (var k = 0u; k < params.length; k++) {
    sum += x[start + k * params.inner];
  }
  sum *= params.scale;
  if (ADDEND) {
    sum += addend[i];
  }
  out[i] = sum;
}

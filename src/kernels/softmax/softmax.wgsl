// out = softmax of scale * x along the middle dimension.
//
// Shapes    x and out [outer, length, inner]; a row is one (outer, inner)
// Dispatch  one task per row
// Saved for backward: out itself

#include "../parts/each_line.wgsl"
#include "../parts/tree_max.wgsl"
#include "../parts/tree_sum.wgsl"
#include "params.wgsl"

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

alias Partial = f32;

fn task(row: u32, lane: u32) {
  let start = line_start(row, params.length, params.inner);

  // Lanes past the end of a short row have the maximum of nothing; WGSL has no infinity to begin with.
  var highest = -3.4e38;
  for (var k = lane; k < params.length; k += WORKGROUP) {
    highest = max(highest, x[start + k * params.inner]);
  }
  highest = tree_max(highest, lane);
  workgroupBarrier(); // for the second reduction

  // Scaling the difference rather than x keeps the exponent's rounding error relative to its distance from 0.
  var sum = 0.0;
  for (var k = lane; k < params.length; k += WORKGROUP) {
    let i = start + k * params.inner;
    let value = exp(params.scale * (x[i] - highest));
    out[i] = value;
    sum += value;
  }
  sum = tree_sum(sum, lane);
  for (var k = lane; k < params.length; k += WORKGROUP) {
    out[start + k * params.inner] /= sum;
  }
}

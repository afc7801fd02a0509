// out = scale * sum over rows of (1 - label) * sum of the row's squares.
//
// Shapes    x [rows, width], labels [rows], out []
// Dispatch  one workgroup
// Saved for backward: nothing

#include "../parts/each_workgroup.wgsl"
#include "../parts/tree_sum.wgsl"
#include "params.wgsl"

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

alias Partial = f32;

fn tasks() -> u32 {
  return 1u;
}

fn task(i: u32, lane: u32) {
  var total = 0.0;
  for (var row = 0u; row < params.rows; row++) {
    var sum = 0.0;
    for (var k = lane; k < params.width; k += WORKGROUP) {
      sum += x[row * params.width + k] * x[row * params.width + k];
    }
    total += (1.0 - labels[row]) * sum;
  }
  let all = tree_sum(total, lane);
  if (lane == 0u) {
    out[i] = params.scale * all;
  }
}

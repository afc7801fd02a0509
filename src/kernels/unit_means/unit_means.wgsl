// Unit vectors, two for each group: of `first`, which all groups share, and of the mean of the group's own vectors.
//
// Shapes    first [width], rest [groups, members, width], out [groups, 2, width], inverse_norm [groups, 2]
// Dispatch  one task per vector of out
// Saved for backward: out, inverse_norm (0 for a vector of zeros, which stays one)

#include "../parts/each_workgroup.wgsl"
#include "../parts/tree_sum.wgsl"
#include "params.wgsl"

@group(0) @binding(1) var<storage, read> first: array<f32>;
@group(0) @binding(2) var<storage, read> rest: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<storage, read_write> inverse_norm: array<f32>;

alias Partial = f32;

fn tasks() -> u32 {
  return 2u * params.groups;
}

fn task(i: u32, lane: u32) {
  var squares = 0.0;
  for (var k = lane; k < params.width; k += WORKGROUP) {
    var value: f32;
    if (i % 2u == 0u) {
      value = first[k];
    } else {
      var sum = 0.0;
      for (var member = 0u; member < params.members; member++) {
        sum += rest[(i / 2u * params.members + member) * params.width + k];
      }
      value = sum / f32(params.members);
    }
    out[i * params.width + k] = value;
    squares += value * value;
  }
  let total = tree_sum(squares, lane);
  var inverse = 0.0;
  if (total > 0.0) {
    inverse = 1.0 / sqrt(total);
  }
  // Every lane goes on with what it wrote itself.
  for (var k = lane; k < params.width; k += WORKGROUP) {
    out[i * params.width + k] *= inverse;
  }
  if (lane == 0u) {
    inverse_norm[i] = inverse;
  }
}

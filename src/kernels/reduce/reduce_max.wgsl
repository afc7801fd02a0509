// Largest element along a dimension of one channel and where it is; ties go to the lowest index, as in PyTorch.
//
// Shapes    x [outer, channels, length, inner], out [outer, inner], argmax [outer, inner] (i32)
// Dispatch  one task per element of out
// Saved for backward: argmax

#include "../parts/each_line.wgsl"
#include "../parts/tree_best.wgsl"
#include "max_params.wgsl"

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<storage, read_write> argmax: array<i32>;

alias Key = f32;

fn task(i: u32, lane: u32) {
  let start = channel_line(i);
  // Lanes without an element repeat the first one: they lose every tie.
  var value = x[start];
  var index = 0u;
  for (var k = lane; k < params.length; k += WORKGROUP) {
    let candidate = x[start + k * params.inner];
    if (candidate > value) {
      value = candidate;
      index = k;
    }
  }
  let best = tree_best(Candidate(value, index), lane);
  if (lane == 0u) {
    out[i] = best.key;
    argmax[i] = i32(best.index);
  }
}

// out = 1 - mean over images of (2 * overlap + smoothing) / (area + smoothing), from the sums of dice.wgsl.
//
// Shapes    partial [batch, stretches, 2] (overlap, area), fraction [batch, 2], out []
// Dispatch  one workgroup
// Saved for backward: fraction, every image's numerator and denominator

#include "../parts/tree_sum.wgsl"

override WORKGROUP: u32 = 64u; // a power of two

struct Params {
  batch: u32,
  stretches: u32,
  smoothing: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> fraction: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

alias Partial = vec2f;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) lane: u32) {
  var total = 0.0;
  for (var image = 0u; image < params.batch; image++) {
    var sum = vec2f();
    for (var s = lane; s < params.stretches; s += WORKGROUP) {
      let at = 2u * (image * params.stretches + s);
      sum += vec2f(partial[at], partial[at + 1u]);
    }
    let sums = tree_sum(sum, lane);
    if (lane == 0u) {
      let numerator = 2.0 * sums.x + params.smoothing;
      let denominator = sums.y + params.smoothing;
      fraction[2u * image] = numerator;
      fraction[2u * image + 1u] = denominator;
      total += numerator / denominator;
    }
    workgroupBarrier();
  }
  if (lane == 0u) {
    out[0] = 1.0 - total / f32(params.batch);
  }
}

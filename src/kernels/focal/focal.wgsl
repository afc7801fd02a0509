// Focal loss of two-class maps, summed over stretches of pixels: -(1 - pt)^gamma log(pt) with
// pt = hot . prob + smooth and hot = [1 - mask, mask] clamped to [smooth, 1 - smooth].
//
// Shapes    prob [batch, 2, plane], mask [batch, plane] (f32, or bytes), partial [stretches]; stretch s has the pixels
//           s * stretch .. min(count, (s + 1) * stretch) of batch * plane = count
// Dispatch  one task per stretch. The host's second pass adds up the stretches.
// Saved for backward: nothing

#include "../parts/byte.wgsl"
#include "../parts/each_workgroup.wgsl"
#include "../parts/mask.wgsl"
#include "../parts/tree_sum.wgsl"
#include "focal_pixel.wgsl"

struct Params {
  count: u32,
  plane: u32,
  stretch: u32,
  stretches: u32,
  gamma: f32,
  smoothing: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> prob: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<u32>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

alias Partial = f32;

fn tasks() -> u32 {
  return params.stretches;
}

fn task(s: u32, lane: u32) {
  let end = min(params.count, (s + 1u) * params.stretch);
  var sum = 0.0;
  for (var i = s * params.stretch + lane; i < end; i += WORKGROUP) {
    let hot = smoothed_target(i);
    let pt = target_probability(i, hot);
    sum -= modulation(1.0 - pt) * log(pt);
  }
  let total = tree_sum(sum, lane);
  if (lane == 0u) {
    partial[s] = total;
  }
}

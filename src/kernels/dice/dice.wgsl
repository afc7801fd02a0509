// Sums over stretches of an image that its Dice coefficient is made of: prediction * target, prediction + target.
//
// Shapes    prob [batch, 2, plane], mask [batch, plane] (f32, bytes), partial [batch, stretches, 2]; stretch s has pixels
//           s * stretch .. min(plane, (s + 1) * stretch) of its image
// Dispatch  one task per stretch; dice_mean.wgsl adds up the stretches
// Saved for backward: nothing

#include "../parts/byte.wgsl"
#include "../parts/each_workgroup.wgsl"
#include "../parts/mask.wgsl"
#include "../parts/tree_sum.wgsl"

struct Params {
  batch: u32,
  plane: u32,
  stretch: u32,
  stretches: u32,
  channel: u32, // 1: prob's second channel against mask; 0: the first against 1 - mask
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> prob: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<u32>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

alias Partial = vec2f;

fn tasks() -> u32 {
  return params.batch * params.stretches;
}

fn task(i: u32, lane: u32) {
  let image = i / params.stretches;
  let s = i % params.stretches;
  let end = min(params.plane, (s + 1u) * params.stretch);
  let predictions = (2u * image + params.channel) * params.plane;
  var sum = vec2f();
  for (var k = s * params.stretch + lane; k < end; k += WORKGROUP) {
    let a = prob[predictions + k];
    let m = mask_at(image * params.plane + k);
    let b = select(1.0 - m, m, params.channel == 1u);
    sum += vec2f(a * b, a + b);
  }
  let total = tree_sum(sum, lane);
  if (lane == 0u) {
    partial[2u * i] = total.x;
    partial[2u * i + 1u] = total.y;
  }
}

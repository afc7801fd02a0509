// Sums over stretches of an image that its focal loss and its Dice coefficients are made of, in one pass over the map.
//
// Shapes    prob [batch, 2, plane], mask [batch, plane] (f32, bytes), partial [batch, stretches, 5]: the focal loss's terms;
//           prediction * target and prediction + target of the normal channel against 1 - mask, of the abnormal one against
//           mask. Stretch s has pixels s * stretch .. min(plane, (s + 1) * stretch) of its image
// Dispatch  one task per stretch; segmentation_means.wgsl adds up the stretches
// Saved for backward: nothing

#include "../parts/byte.wgsl"
#include "../parts/each_workgroup.wgsl"
#include "../parts/mask.wgsl"
#include "../parts/tree_sum.wgsl"
#include "../focal/focal_pixel.wgsl"

struct Params {
  batch: u32,
  plane: u32,
  stretch: u32,
  stretches: u32,
  gamma: f32,
  smoothing: f32, // focal.wgsl's
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> prob: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<u32>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

alias Partial = mat2x3f; // (focal loss, normal overlap and area), (nothing, abnormal overlap and area)

fn tasks() -> u32 {
  return params.batch * params.stretches;
}

fn task(i: u32, lane: u32) {
  let image = i / params.stretches;
  let s = i % params.stretches;
  let end = min(params.plane, (s + 1u) * params.stretch);
  var sum = mat2x3f();
  for (var k = s * params.stretch + lane; k < end; k += WORKGROUP) {
    let pixel = image * params.plane + k;
    let m = mask_at(pixel);
    let normal = first_channel(pixel);
    let pt = target_probability(pixel, smoothed_target(pixel));
    let a = vec2f(prob[normal], prob[normal + params.plane]);
    let b = vec2f(1.0 - m, m);
    sum += mat2x3f(
      -modulation(1.0 - pt) * log(pt), a.x * b.x, a.x + b.x,
      0.0, a.y * b.y, a.y + b.y
    );
  }
  let total = tree_sum(sum, lane);
  if (lane == 0u) {
    partial[5u * i] = total[0].x;
    partial[5u * i + 1u] = total[0].y;
    partial[5u * i + 2u] = total[0].z;
    partial[5u * i + 3u] = total[1].y;
    partial[5u * i + 4u] = total[1].z;
  }
}

// The three losses from the sums of segmentation_loss.wgsl: focal, the mean over pixels; of each channel 1 - mean over
// images of (2 * overlap + dice_smoothing) / (area + dice_smoothing).
//
// Shapes    partial [batch, stretches, 5], fractions [batch, 4] (numerator and denominator, normal, then abnormal), the
//           losses []
// Dispatch  one workgroup
// Saved for backward: fractions

#include "../parts/tree_sum.wgsl"

override WORKGROUP: u32 = 64u; // a power of two

struct Params {
  batch: u32,
  plane: u32,
  stretches: u32,
  dice_smoothing: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> fractions: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> focal: array<f32>;
@group(0) @binding(4) var<storage, read_write> abnormal: array<f32>;
@group(0) @binding(5) var<storage, read_write> normal: array<f32>;

alias Partial = mat2x3f;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) lane: u32) {
  var total = vec3f(); // focal, then the coefficients of the normal and of the abnormal channel
  for (var image = 0u; image < params.batch; image++) {
    var sum = mat2x3f();
    for (var s = lane; s < params.stretches; s += WORKGROUP) {
      let at = 5u * (image * params.stretches + s);
      sum += mat2x3f(partial[at], partial[at + 1u], partial[at + 2u], 0.0, partial[at + 3u], partial[at + 4u]);
    }
    let sums = tree_sum(sum, lane);
    if (lane == 0u) {
      let fraction = vec4f(2.0 * sums[0].y, sums[0].z, 2.0 * sums[1].y, sums[1].z) + params.dice_smoothing;
      fractions[image] = fraction;
      total += vec3f(sums[0].x, fraction.x / fraction.y, fraction.z / fraction.w);
    }
    workgroupBarrier();
  }
  if (lane == 0u) {
    focal[0] = total.x / f32(params.batch * params.plane);
    normal[0] = 1.0 - total.y / f32(params.batch);
    abnormal[0] = 1.0 - total.z / f32(params.batch);
  }
}

// dprob of the three losses: focal_grad.wgsl's and, for each channel, dice_grad.wgsl's.
//
// Shapes    prob and dprob [batch, 2, plane], mask [batch, plane] (f32, bytes), fractions [batch, 4], d_focal, d_abnormal
//           and d_normal [], of which those are read that FOCAL, ABNORMAL and NORMAL say
// Dispatch  one item per pixel

#include "../parts/byte.wgsl"
#include "../parts/each_several.wgsl"
#include "../parts/mask.wgsl"
#include "../focal/focal_pixel.wgsl"

override FOCAL: bool = true;
override ABNORMAL: bool = true;
override NORMAL: bool = true;

struct Params {
  batch: u32,
  plane: u32,
  gamma: f32,
  smoothing: f32, // focal.wgsl's
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> prob: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<u32>;
@group(0) @binding(3) var<storage, read> fractions: array<vec4f>;
@group(0) @binding(4) var<storage, read> d_focal: array<f32>;
@group(0) @binding(5) var<storage, read> d_abnormal: array<f32>;
@group(0) @binding(6) var<storage, read> d_normal: array<f32>;
@group(0) @binding(7) var<storage, read_write> dprob: array<f32>;

fn items() -> u32 {
  return params.batch * params.plane;
}

// Of one channel: numerator and denominator of the image's coefficient, the pixel's target.
fn dice_slope(fraction: vec2f, target_value: f32) -> f32 {
  return (fraction.x / fraction.y - 2.0 * target_value) / fraction.y / f32(params.batch);
}

fn item(i: u32) {
  let at = first_channel(i);
  let m = mask_at(i);
  let fraction = fractions[i / params.plane];
  var d = vec2f();
  if (NORMAL) {
    d.x = d_normal[0] * dice_slope(fraction.xy, 1.0 - m);
  }
  if (ABNORMAL) {
    d.y = d_abnormal[0] * dice_slope(fraction.zw, m);
  }
  if (FOCAL) {
    let hot = smoothed_target(i);
    d += d_focal[0] / f32(items()) * slope(target_probability(i, hot)) * hot;
  }
  dprob[at] = d.x;
  dprob[at + params.plane] = d.y;
}

// dprob = dout / count * hot * (gamma (1 - pt)^(gamma - 1) log(pt) - (1 - pt)^gamma / pt), pt and hot as in focal.wgsl.
//
// Shapes    prob and dprob [batch, 2, plane], mask [batch, plane] (f32, or bytes), dout []; count = batch * plane pixels
// Dispatch  one item per pixel

#include "../parts/byte.wgsl"
#include "../parts/each_several_counted.wgsl"
#include "../parts/mask.wgsl"
#include "focal_pixel.wgsl"

struct Params {
  count: u32,
  plane: u32,
  gamma: f32,
  smoothing: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> prob: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<u32>;
@group(0) @binding(3) var<storage, read> dout: array<f32>;
@group(0) @binding(4) var<storage, read_write> dprob: array<f32>;

fn item(i: u32) {
  let normal = first_channel(i);
  let hot = smoothed_target(i);
  let pt = target_probability(i, hot);
  let d = dout[0] / f32(params.count) * slope(pt);
  dprob[normal] = d * hot.x;
  dprob[normal + params.plane] = d * hot.y;
}

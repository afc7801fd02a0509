// dprob = dout / batch * (numerator / denominator - 2 * target) / denominator in `channel`, 0 in the other.
//
// Shapes    mask [batch, plane] (f32, bytes), fraction [batch, 2] (numerator, denominator), dout [], dprob [batch, 2, plane]
// Dispatch  one item per pixel

#include "../parts/byte.wgsl"
#include "../parts/each_several.wgsl"
#include "../parts/mask.wgsl"

struct Params {
  batch: u32,
  plane: u32,
  channel: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> mask: array<u32>;
@group(0) @binding(2) var<storage, read> fraction: array<f32>;
@group(0) @binding(3) var<storage, read> dout: array<f32>;
@group(0) @binding(4) var<storage, read_write> dprob: array<f32>;

fn items() -> u32 {
  return params.batch * params.plane;
}

fn item(i: u32) {
  let image = i / params.plane;
  let numerator = fraction[2u * image];
  let denominator = fraction[2u * image + 1u];
  let b = select(1.0 - mask_at(i), mask_at(i), params.channel == 1u);
  let normal = i + image * params.plane; // of the image's first channel
  dprob[normal + params.channel * params.plane] =
    dout[0] / f32(params.batch) * (numerator / denominator - 2.0 * b) / denominator;
  dprob[normal + (1u - params.channel) * params.plane] = 0.0;
}

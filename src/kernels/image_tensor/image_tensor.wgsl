// out = (image / 255 - mean) / deviation, with the channels in front.
//
// Shapes    image [pixels, channels] of bytes, packed four to a word, out [channels, pixels] f32; up to four channels
// Dispatch  one item per element of out
// Saved for backward: nothing (bytes have no gradient)

#include "../parts/byte.wgsl"
#include "../parts/each_item.wgsl"

struct Params {
  pixels: u32,
  channels: u32,
  mean: vec4f,
  deviation: vec4f,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn items() -> u32 {
  return params.pixels * params.channels;
}

fn item(i: u32) {
  let channel = i / params.pixels;
  let at = i % params.pixels * params.channels + channel;
  let byte = byte_of(image[at / 4u], at);
  out[i] = (f32(byte) / 255.0 - params.mean[channel]) / params.deviation[channel];
}

// out = (image / 255 - mean) / deviation, with the channels in front.
//
// Shapes    image [pixels, channels] of bytes, packed four to a word, out [channels, pixels] f32; up to four channels
// Dispatch  one invocation per element of out, WORKGROUP per workgroup, workgroups spread over x and y
// Saved for backward: nothing (bytes have no gradient)

override WORKGROUP: u32 = 64u;

struct Params {
  pixels: u32,
  channels: u32,
  mean: vec4f,
  deviation: vec4f,
}

@group(0) @binding(0) var<storage, read> image: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.pixels * params.channels) {
    return;
  }
  let channel = i / params.pixels;
  let at = i % params.pixels * params.channels + channel;
  let byte = extractBits(image[at / 4u], 8u * (at % 4u), 8u);
  out[i] = (f32(byte) / 255.0 - params.mean[channel]) / params.deviation[channel];
}

// Uniforms of reduce_max.wgsl, reduce_max_grad.wgsl, and where a line lies.
//
// Includer  declares nothing; its tensors begin at binding 1

struct Params {
  outer: u32,
  channels: u32,
  channel: u32, // the only one that counts
  length: u32,
  inner: u32,
  scale: f32, // of the gradient
}

// Where line i of [outer, inner] begins in x [outer, channels, length, inner].
fn channel_line(i: u32) -> u32 {
  let plane = i / params.inner * params.channels + params.channel;
  return plane * params.length * params.inner + i % params.inner;
}

@group(0) @binding(0) var<uniform> params: Params;

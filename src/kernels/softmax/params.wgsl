// Uniforms of softmax.wgsl, softmax_grad.wgsl, softmax_serial.wgsl.
//
// Includer  declares nothing; its tensors begin at binding 1

struct Params {
  outer: u32,
  length: u32,
  inner: u32,
  scale: f32, // positive
}

@group(0) @binding(0) var<uniform> params: Params;

// Uniforms of softmax.wgsl, softmax_grad.wgsl, softmax_serial.wgsl.
//
// Includer  declares var<uniform> params: Params

struct Params {
  outer: u32,
  length: u32,
  inner: u32,
  scale: f32, // positive
}

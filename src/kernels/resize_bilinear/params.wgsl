// Uniforms of resize_linear.wgsl, resize_linear_grad.wgsl.
//
// Includer  declares var<uniform> params: Params

struct Params {
  outer: u32,
  size_in: u32,
  size_out: u32,
  inner: u32,
}

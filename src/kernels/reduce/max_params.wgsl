// Uniforms of reduce_max.wgsl, reduce_max_grad.wgsl.
//
// Includer  declares var<uniform> params: Params

struct Params {
  outer: u32,
  length: u32,
  inner: u32,
}

// Uniforms of binary_cross_entropy.wgsl, binary_cross_entropy_grad.wgsl.
//
// Includer  declares var<uniform> params: Params

struct Params {
  count: u32,
}

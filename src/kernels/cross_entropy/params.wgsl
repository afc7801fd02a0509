// Uniforms of cross_entropy.wgsl, cross_entropy_grad.wgsl.
//
// Includer  declares var<uniform> params: Params

struct Params {
  rows: u32,
  classes: u32,
}

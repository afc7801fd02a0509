// Uniforms of binary_cross_entropy.wgsl, binary_cross_entropy_grad.wgsl.
//
// Includer  declares nothing; its tensors begin at binding 1

struct Params {
  count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

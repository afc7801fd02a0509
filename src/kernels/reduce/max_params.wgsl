// Uniforms of reduce_max.wgsl, reduce_max_grad.wgsl.
//
// Includer  declares nothing; its tensors begin at binding 1

struct Params {
  outer: u32,
  length: u32,
  inner: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

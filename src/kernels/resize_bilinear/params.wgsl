// Uniforms of resize_linear.wgsl, resize_linear_grad.wgsl.
//
// Includer  declares nothing; its tensors begin at binding 1

struct Params {
  outer: u32,
  size_in: u32,
  size_out: u32,
  inner: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

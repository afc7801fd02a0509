// Uniforms of row_squares.wgsl and its gradient.
//
// Includer  declares nothing; its tensors begin at binding 1

struct Params {
  rows: u32,
  width: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;

// Uniforms of row_squares.wgsl and its gradient.
//
// Includer  declares var<uniform> params: Params

struct Params {
  rows: u32,
  width: u32,
  scale: f32,
}

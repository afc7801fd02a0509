// Sizes of layer norms.
//
// Includer  declares var<uniform> params: Params

struct Params {
  rows: u32,
  width: u32,
  epsilon: f32, // added to the variance
}

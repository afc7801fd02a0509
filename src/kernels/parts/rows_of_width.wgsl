// Sizes of a matrix that is treated row by row.
//
// Includer  declares var<uniform> params: Params

struct Params {
  rows: u32,
  width: u32,
}

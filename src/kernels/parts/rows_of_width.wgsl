// Sizes of a matrix that is treated row by row.
//
// Includer  declares nothing; its tensors begin at binding 1

struct Params {
  rows: u32,
  width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

// Uniforms of put_rows.wgsl, take_rows.wgsl: rows start .. start + count - 1 of every sequence are the tokens from `first`
// on.
//
// Includer  declares nothing; its tensors begin at binding 1

struct Params {
  sequences: u32,
  length: u32,
  width: u32,
  start: u32,
  count: u32,
  first: u32,
  rows: u32, // that are written
}

@group(0) @binding(0) var<uniform> params: Params;

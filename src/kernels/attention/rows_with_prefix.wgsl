// Rows of queries, and of keys and values behind a prefix that all sequences share.
//
// Includer  is one of the kernels with a query's point of view: forward, and d query
// Shapes    qkv as in own_rows.wgsl; `columns` (x, y, z) say where in its rows query, key and value begin;
//           prefix [any, 3 * heads * head_dim], whose first prefix_length rows are keys and values before every
//           sequence's own, as vectors

#include "own_rows.wgsl"

override PREFIXED: bool = false;

struct Params {
  sequences: u32,
  length: u32,
  prefix_length: u32,
  heads: u32,
  head_dim: u32,
  causal: u32,
  scale: f32,
  columns: vec4u,
  beside_length: u32, // rows of the prefix's own sequence, where a kernel takes that, too
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> prefix: array<vec4f>;

fn prefix_vector(start: u32, c: u32) -> vec4f {
  if (ALIGNED) {
    return prefix[start / 4u + c];
  }
  var x = vec4f();
  for (var k = 0u; k < 4u; k++) {
    if (4u * c + k < params.head_dim) {
      let at = start + 4u * c + k;
      x[k] = prefix[at / 4u][at % 4u];
    }
  }
  return x;
}

// Elements 4c .. 4c + 3 of a key's (value's) row, counted from the prefix's first.
fn key_vector(sequence: u32, key: u32, column: u32, c: u32) -> vec4f {
  let stride = 3u * params.heads * params.head_dim;
  if (PREFIXED) {
    if (key < params.prefix_length) {
      return prefix_vector(key * stride + column, c);
    }
  }
  return own_vector((sequence * params.length + key - params.prefix_length) * stride + column, c);
}

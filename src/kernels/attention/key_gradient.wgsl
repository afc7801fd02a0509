// What both kernels of d key and d value share: their sizes and operands, and how they write a row.
//
// Includer  is attention_grad_key.wgsl or attention_grad_key_subgroup.wgsl
// Shapes    qkv as in own_rows.wgsl, columns as in rows_with_prefix.wgsl; key_rows: qkv, or the prefix, as
//           vectors; dkeys: dqkv, or [sequences, prefix_length, 2 * heads * head_dim] with each sequence's share

#include "own_rows.wgsl"
#include "upstream_rows.wgsl"
#include "statistics.wgsl"

override SHARED: bool = false; // V-V attention: query, key and value are one
override ACCUMULATE: bool = false; // SHARED: dkeys holds d query already

struct Params {
  sequences: u32,
  length: u32,
  heads: u32,
  head_dim: u32,
  causal: u32,
  scale: f32,
  keys: u32, // key rows of a sequence
  key_stride: u32, // rows of key_rows from one sequence's first to the next's: 0 for the prefix, which all share
  columns: vec4u,
  dkeys_row: vec4u, // elements in a row of dkeys, where d key begins, where d value begins
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> key_rows: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> dkeys: array<f32>;

fn key_vector(start: u32, c: u32) -> vec4f {
  if (ALIGNED) {
    return key_rows[start / 4u + c];
  }
  var x = vec4f();
  for (var k = 0u; k < 4u; k++) {
    if (4u * c + k < params.head_dim) {
      let at = start + 4u * c + k;
      x[k] = key_rows[at / 4u][at % 4u];
    }
  }
  return x;
}

// Writes vector c of a row's d key, still without the scale, and d value; the head's part of the row begins at `to`.
fn store_vector(to: u32, c: u32, dk: vec4f, dv: vec4f) {
  for (var k = 0u; k < 4u; k++) {
    if (ALIGNED || 4u * c + k < params.head_dim) {
      let at = to + 4u * c + k;
      if (SHARED) {
        var sum = params.scale * dk[k] + dv[k];
        if (ACCUMULATE) {
          sum += dkeys[at + params.dkeys_row.z];
        }
        dkeys[at + params.dkeys_row.z] = sum;
      } else {
        dkeys[at + params.dkeys_row.y] = params.scale * dk[k];
        dkeys[at + params.dkeys_row.z] = dv[k];
      }
    }
  }
}

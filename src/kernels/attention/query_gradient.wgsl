// What both kernels of d query share: their operands, and how they write a row.
//
// Includer  is attention_grad_query.wgsl or attention_grad_query_subgroup.wgsl
// Shapes    dqkv as qkv, of which the query columns are written

#include "rows_with_prefix.wgsl"
#include "upstream_rows.wgsl"
#include "statistics.wgsl"

override SHARED: bool = false; // V-V attention: query, key and value are one; the parts left of it get zeros

@group(0) @binding(8) var<storage, read_write> dqkv: array<f32>;

// Writes vector c of d query into a head's part of the row that begins at `start`; `column`: where the query begins in it.
fn store_vector(start: u32, head: u32, column: u32, c: u32, dq: vec4f) {
  let width = params.heads * params.head_dim;
  for (var k = 0u; k < 4u; k++) {
    if (ALIGNED || 4u * c + k < params.head_dim) {
      if (SHARED) {
        dqkv[start + head * params.head_dim + 4u * c + k] = 0.0;
        dqkv[start + width + head * params.head_dim + 4u * c + k] = 0.0;
      }
      dqkv[start + column + 4u * c + k] = dq[k];
    }
  }
}

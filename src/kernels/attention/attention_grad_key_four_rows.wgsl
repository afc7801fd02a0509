// d key and d value as attention_grad_key_subgroup.wgsl has them, of heads of 32 or 64. Each lane owns a key; each subgroup
// fetches four queries at a time, one row per lane.
//
// Shapes    as key_gradient.wgsl and its parts have them
// Dispatch  one subgroup = workgroup per SUBGROUP key rows of one sequence and head, spread over x and y

enable subgroups;
enable subgroup_size_control;

#include "key_gradient.wgsl"
#include "head_tile.wgsl"
#include "head_row.wgsl"
#include "upstream_row.wgsl"

override SUBGROUP: u32 = 4u; // the subgroup's size

@compute @workgroup_size(SUBGROUP) @subgroup_size(SUBGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let place = head_tile(group, groups, params.keys, SUBGROUP);
  if (place.sequence >= params.sequences) {
    return;
  }
  let head = place.head;
  let sequence = place.sequence;
  let first_row = place.tile * SUBGROUP;
  let row = min(first_row + lane, params.keys - 1u);
  let width = params.heads * params.head_dim;
  let columns = params.columns + head * params.head_dim;
  let key_start = (sequence * params.key_stride + row) * 3u * width;
  let key = scaled(key_row(key_start + columns.y), params.scale);
  let value = key_row(key_start + columns.z);
  var dk = HeadRow();
  var dv = HeadRow();

  let first_query = sequence * params.length; // counted through the sequences
  let end = first_query + params.length;
  let causal = params.causal != 0u;
  // No query before the tile's first key sees any of its keys.
  let begin = first_query + select(0u, first_row, causal);
  for (var chunk = begin; chunk < end; chunk += 4u) {
    let i = min(chunk + lane % 4u, end - 1u);
    let query = own_row(i * 3u * width + columns.x);
    let upstream = upstream_row(i * width + head * params.head_dim);
    let statistic = statistics[(sequence * params.heads + head) * params.length + i - first_query];
    let queries = chunk + vec4u(0u, 1u, 2u, 3u);
    let seen = (queries < vec4u(end)) & ((queries >= vec4u(first_query + row)) | vec4<bool>(!causal));
    let p = select(vec4f(), exp(products(key, query) - four(statistic.x)), seen);
    // Where one key has all the weight the gradient is 0, which the difference of rounded numbers is not.
    let ds = select(p * (products(value, upstream) - four(statistic.y)), vec4f(), p == vec4f(1.0));
    dk = add_weighted(dk, ds, query);
    dv = add_weighted(dv, p, upstream);
  }
  if (first_row + lane < params.keys) {
    let to = (sequence * params.keys + row) * params.dkeys_row.x + head * params.head_dim;
    for (var c = 0u; c < params.head_dim / 4u; c++) {
      store_vector(to, c, vector_of(dk, c), vector_of(dv, c));
    }
  }
}

fn key_row(start: u32) -> HeadRow {
  var row: HeadRow;
  row.a = key_vectors(start, 0u);
  row.b = key_vectors(start, 4u);
  if (WIDE) {
    row.c = key_vectors(start, 8u);
    row.d = key_vectors(start, 12u);
  }
  return row;
}

fn key_vectors(start: u32, c: u32) -> mat4x4f {
  return mat4x4f(key_vector(start, c), key_vector(start, c + 1u), key_vector(start, c + 2u), key_vector(start, c + 3u));
}

// d query as attention_grad_query_subgroup.wgsl has it, of heads of 32 or 64. Each lane owns a query; each subgroup fetches
// four keys and values at a time, one row per lane.
//
// Shapes    as query_gradient.wgsl and its parts have them
// Dispatch  one subgroup = workgroup per SUBGROUP queries of one sequence and head, spread over x and y

enable subgroups;
enable subgroup_size_control;

#include "query_gradient.wgsl"
#include "head_tile.wgsl"
#include "head_row.wgsl"
#include "key_row.wgsl"
#include "upstream_row.wgsl"

override SUBGROUP: u32 = 4u; // the subgroup's size

@compute @workgroup_size(SUBGROUP) @subgroup_size(SUBGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let place = head_tile(group, groups, params.length, SUBGROUP);
  if (place.sequence >= params.sequences) {
    return;
  }
  let head = place.head;
  let sequence = place.sequence;
  let first_row = place.tile * SUBGROUP;
  let row = min(first_row + lane, params.length - 1u);
  let width = params.heads * params.head_dim;
  let columns = params.columns + head * params.head_dim;
  let start = (sequence * params.length + row) * 3u * width;
  let query = scaled(own_row(start + columns.x), params.scale);
  let upstream = upstream_row((sequence * params.length + row) * width + head * params.head_dim);
  let statistic = statistics[(sequence * params.heads + head) * params.length + row];
  var dq = HeadRow();

  let causal = params.causal != 0u;
  let visible = params.prefix_length + select(params.length, row + 1u, causal);
  let end = params.prefix_length + select(params.length, min(params.length, first_row + SUBGROUP), causal);
  for (var chunk = 0u; chunk < end; chunk += 4u) {
    let at = min(chunk + lane % 4u, end - 1u);
    let key = key_row(sequence, at, columns.y);
    let value = key_row(sequence, at, columns.z);
    let seen = chunk + vec4u(0u, 1u, 2u, 3u) < vec4u(visible);
    let p = select(vec4f(), exp(products(query, key) - statistic.x), seen);
    // Where one key has all the weight the gradient is 0, which the difference of rounded numbers is not.
    let ds = select(params.scale * p * (products(upstream, value) - statistic.y), vec4f(), p == vec4f(1.0));
    dq = add_weighted(dq, ds, key);
  }
  if (first_row + lane < params.length) {
    for (var c = 0u; c < params.head_dim / 4u; c++) {
      store_vector(start, head, columns.x, c, vector_of(dq, c));
    }
  }
}

// out = softmax(scale * query . key^T) . value per head of 32 or 64, by online softmax: no score matrix in memory. Each
// lane owns a query; each subgroup fetches four keys and values at a time, one row per lane.
//
// Shapes    as rows_with_prefix.wgsl and forward_outputs.wgsl have them
// Dispatch  one subgroup = workgroup per SUBGROUP queries of one sequence and head, spread over x and y
// Saved for backward: lse, the log of each query's sum of exponentials

enable subgroups;
enable subgroup_size_control;

#include "rows_with_prefix.wgsl"
#include "head_tile.wgsl"
#include "forward_outputs.wgsl"
#include "head_row.wgsl"
#include "key_row.wgsl"

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
  let query = scaled(own_row((sequence * params.length + row) * 3u * width + columns.x), params.scale);
  var values = HeadRow(); // their weighted sum
  var top = hidden;
  var sum = 0.0;

  let causal = params.causal != 0u;
  let visible = params.prefix_length + select(params.length, row + 1u, causal);
  let end = params.prefix_length + select(params.length, min(params.length, first_row + SUBGROUP), causal);
  for (var chunk = 0u; chunk < end; chunk += 4u) {
    let at = min(chunk + lane % 4u, end - 1u);
    let scores = select(
      vec4f(hidden),
      products(query, key_row(sequence, at, columns.y)),
      chunk + vec4u(0u, 1u, 2u, 3u) < vec4u(visible)
    );
    let highest = max(top, highest_of(scores));
    let rescale = exp(top - highest);
    let weights = exp(scores - highest);
    top = highest;
    sum = rescale * sum + sum_of(weights);
    values = add_weighted(scaled(values, rescale), weights, key_row(sequence, at, columns.z));
  }

  if (first_row + lane < params.length) {
    let start = (sequence * params.length + row) * width + head * params.head_dim;
    for (var c = 0u; c < params.head_dim / 4u; c++) {
      let mean = vector_of(values, c) / sum;
      for (var k = 0u; k < 4u; k++) {
        out[start + 4u * c + k] = mean[k];
      }
    }
    lse[(sequence * params.heads + head) * params.length + row] = top + log(sum);
  }
}

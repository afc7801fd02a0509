// out = softmax(scale * query . key^T) . value per head of 32, by online softmax: no score matrix in memory. Each lane owns
// ROWS queries, SUBGROUP rows apart, in registers; keys and values are fetched FETCHED at a time, one row per lane, into
// arrays, and handed round by shuffles, four by four.
//
// Shapes    as rows_with_prefix.wgsl and forward_outputs.wgsl have them
// Dispatch  one subgroup = workgroup per SUBGROUP * ROWS queries of one sequence and head, spread over x and y
// Saved for backward: lse, the log of each query's sum of exponentials
//
// Loops over a head's vectors as in key_known.wgsl.

enable subgroups;
enable subgroup_size_control;

#include "rows_with_prefix.wgsl"
#include "head_tile.wgsl"
#include "forward_outputs.wgsl"

override SUBGROUP: u32 = 8u; // the subgroup's size
override FETCHED: u32 = 8u; // the smaller of SUBGROUP and 8
override ROWS: u32 = 1u; // 1 to 3

const VECTORS = 8u;

@compute @workgroup_size(SUBGROUP) @subgroup_size(SUBGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let span = SUBGROUP * ROWS;
  let place = head_tile(group, groups, params.length, span);
  if (place.sequence >= params.sequences) {
    return;
  }
  let tile = place.tile;
  let head = place.head;
  let sequence = place.sequence;
  let width = params.heads * params.head_dim;
  let vectors = params.head_dim / 4u; // VECTORS
  let columns = params.columns + head * params.head_dim;
  let first = tile * span + lane;
  let last = params.length - 1u;
  let causal = params.causal != 0u;

  var q: array<array<vec4f, VECTORS>, 3>;
  var sum_of_values = array<array<vec4f, VECTORS>, 3>();
  var top = array(hidden, hidden, hidden);
  var sum = array<f32, 3>();
  var visible: array<u32, 3>; // how many keys a query sees
  for (var r = 0u; r < ROWS; r++) {
    let row = min(first + r * SUBGROUP, last);
    visible[r] = params.prefix_length + select(params.length, row + 1u, causal);
    for (var c = 0u; c < vectors; c++) {
      q[r][c] = params.scale * own_vector((sequence * params.length + row) * 3u * width + columns.x, c);
    }
  }

  let end = params.prefix_length + select(params.length, min(params.length, (tile + 1u) * span), causal);
  var k: array<vec4f, VECTORS>;
  var v: array<vec4f, VECTORS>;
  for (var chunk = 0u; chunk < end; chunk += FETCHED) {
    let key = min(chunk + lane % FETCHED, end - 1u);
    for (var c = 0u; c < vectors; c++) {
      k[c] = key_vector(sequence, key, columns.y, c);
      v[c] = key_vector(sequence, key, columns.z, c);
    }
    for (var t = 0u; t < min(FETCHED, end - chunk); t += 4u) {
      // The initial value is written out: some drivers do not reset a variable that is declared inside a loop.
      var s = array<vec4f, 3>();
      for (var c = 0u; c < VECTORS; c++) {
        let keys = four_rows(k[c], t);
        for (var r = 0u; r < ROWS; r++) {
          s[r] = add_products(s[r], q[r][c], keys);
        }
      }
      var rescale = array<f32, 3>();
      for (var r = 0u; r < ROWS; r++) {
        s[r] = select(vec4f(hidden), s[r], chunk + t + vec4u(0u, 1u, 2u, 3u) < vec4u(visible[r]));
        let highest = max(top[r], highest_of(s[r]));
        rescale[r] = exp(top[r] - highest);
        top[r] = highest;
        s[r] = exp(s[r] - highest);
        sum[r] = rescale[r] * sum[r] + sum_of(s[r]);
      }
      for (var c = 0u; c < VECTORS; c++) {
        let values = four_rows(v[c], t);
        for (var r = 0u; r < ROWS; r++) {
          sum_of_values[r][c] = add_rows(rescale[r] * sum_of_values[r][c], s[r], values);
        }
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) {
    let row = first + r * SUBGROUP;
    if (row <= last) {
      let start = (sequence * params.length + row) * width + head * params.head_dim;
      for (var c = 0u; c < vectors; c++) {
        let mean = sum_of_values[r][c] / sum[r];
        for (var e = 0u; e < 4u; e++) {
          out[start + 4u * c + e] = mean[e];
        }
      }
      lse[(sequence * params.heads + head) * params.length + row] = top[r] + log(sum[r]);
    }
  }
}

// The vectors of the lanes t .. t + 3, a column each.
fn four_rows(x: vec4f, t: u32) -> mat4x4f {
  return mat4x4f(
    subgroupShuffle(x, t),
    subgroupShuffle(x, t + 1u),
    subgroupShuffle(x, t + 2u),
    subgroupShuffle(x, t + 3u)
  );
}

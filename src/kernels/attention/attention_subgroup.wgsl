// out = softmax(scale * query . key^T) . value per head, by online softmax: no score matrix in memory. Each subgroup
// fetches 2 * FETCHED keys (values) at a time, two rows per lane, and hands them round by shuffles; each lane owns ROWS
// queries.
//
// Shapes    as rows_with_prefix.wgsl and forward_outputs.wgsl have them
// Dispatch  one subgroup = workgroup per SUBGROUP * ROWS queries of one head, spread over x and y
// Saved for backward: lse, the log of each query's sum of exponentials

enable subgroups;
enable subgroup_size_control;

#include "rows_with_prefix.wgsl"
#include "head_tile.wgsl"
#include "forward_outputs.wgsl"

override SUBGROUP: u32 = 8u; // the subgroup's size
override FETCHED: u32 = 8u; // the smaller of SUBGROUP and 8
override ROWS: u32 = 1u; // 1 or 2

// Outside of main: SwiftShader compiles the whole in two thirds of the time.
var<private> q: array<array<vec4f, 32>, 2>;
var<private> sum_of_values: array<array<vec4f, 32>, 2>;

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
  let vectors = (params.head_dim + 3u) / 4u; // of a head's row
  let columns = params.columns + head * params.head_dim;
  let first = tile * span + lane;
  let last = params.length - 1u;

  var top = array(hidden, hidden);
  var sum = array<f32, 2>();
  var visible: array<u32, 2>; // how many keys a query sees
  for (var r = 0u; r < ROWS; r++) {
    let row = min(first + r * SUBGROUP, last);
    visible[r] = params.prefix_length + select(params.length, row + 1u, params.causal != 0u);
    for (var c = 0u; c < vectors; c++) {
      q[r][c] = params.scale * own_vector((sequence * params.length + row) * 3u * width + columns.x, c);
      sum_of_values[r][c] = vec4f();
    }
  }

  let end = params.prefix_length + select(params.length, min(params.length, (tile + 1u) * span), params.causal != 0u);
  for (var chunk = 0u; chunk < end; chunk += 2u * FETCHED) {
    let key0 = min(chunk + lane % FETCHED, end - 1u);
    let key1 = min(chunk + FETCHED + lane % FETCHED, end - 1u);
    // The initial value is written out: some drivers do not reset a variable that is declared inside a loop.
    var s = array<array<f32, 16>, 2>();
    for (var c = 0u; c < vectors; c++) {
      let k0 = key_vector(sequence, key0, columns.y, c);
      let k1 = key_vector(sequence, key1, columns.y, c);
      for (var t = 0u; t < FETCHED; t++) {
        let shuffled0 = subgroupShuffle(k0, t);
        let shuffled1 = subgroupShuffle(k1, t);
        for (var r = 0u; r < ROWS; r++) {
          s[r][t] = add_dot(s[r][t], q[r][c], shuffled0);
          s[r][t + FETCHED] = add_dot(s[r][t + FETCHED], q[r][c], shuffled1);
        }
      }
    }
    var rescale = array<f32, 2>();
    for (var r = 0u; r < ROWS; r++) {
      var highest = top[r];
      for (var t = 0u; t < 2u * FETCHED; t++) {
        s[r][t] = select(hidden, s[r][t], chunk + t < visible[r]);
        highest = max(highest, s[r][t]);
      }
      rescale[r] = exp(top[r] - highest);
      top[r] = highest;
      sum[r] *= rescale[r];
      for (var t = 0u; t < 2u * FETCHED; t++) {
        s[r][t] = exp(s[r][t] - highest);
        sum[r] += s[r][t];
      }
    }
    for (var c = 0u; c < vectors; c++) {
      let v0 = key_vector(sequence, key0, columns.z, c);
      let v1 = key_vector(sequence, key1, columns.z, c);
      var sums = array<vec4f, 2>();
      for (var r = 0u; r < ROWS; r++) {
        sums[r] = rescale[r] * sum_of_values[r][c];
      }
      for (var t = 0u; t < FETCHED; t++) {
        let shuffled0 = subgroupShuffle(v0, t);
        let shuffled1 = subgroupShuffle(v1, t);
        for (var r = 0u; r < ROWS; r++) {
          sums[r] += s[r][t] * shuffled0 + s[r][t + FETCHED] * shuffled1;
        }
      }
      for (var r = 0u; r < ROWS; r++) {
        sum_of_values[r][c] = sums[r];
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) {
    let row = first + r * SUBGROUP;
    if (row <= last) {
      let start = (sequence * params.length + row) * width + head * params.head_dim;
      for (var c = 0u; c < vectors; c++) {
        let mean = sum_of_values[r][c] / sum[r];
        for (var k = 0u; k < 4u; k++) {
          if (ALIGNED || 4u * c + k < params.head_dim) {
            out[start + 4u * c + k] = mean[k];
          }
        }
      }
      lse[(sequence * params.heads + head) * params.length + row] = top[r] + log(sum[r]);
    }
  }
}

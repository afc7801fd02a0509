// out = softmax(scale * query . key^T) . value per head, by online softmax: no score matrix in memory. For GPUs: tiles of
// queries, keys and values in workgroup memory.
//
// Shapes    as rows_with_prefix.wgsl and forward_outputs.wgsl have them; with PAIR the V-V attention of the same rows
//           besides, whose results are out_vv and lse_vv
// Dispatch  one workgroup of 2 QUERIES lanes per QUERIES queries of one head (and attention), spread over x and y, as
//           forward_tile.wgsl lays them out. Workgroup memory: 37 KB for 64 queries, 23 KB for 32.
// Saved for backward: lse, the log of each query's sum of exponentials

#include "rows_with_prefix.wgsl"
#include "forward_outputs.wgsl"
#include "forward_tile.wgsl"

override PAIR: bool = false;

@group(0) @binding(7) var<storage, read_write> out_vv: array<f32>;
@group(0) @binding(8) var<storage, read_write> lse_vv: array<f32>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tiles = (params.length + QUERIES - 1u) / QUERIES;
  let index = group.y * groups.x + group.x;
  let each = params.sequences * params.heads * tiles; // workgroups of an attention
  let vv = PAIR && index >= each;
  if (index >= each * select(1u, 2u, PAIR)) {
    return;
  }
  let tile = index % tiles;
  let head = (index / tiles) % params.heads;
  let sequence = (index - select(0u, each, vv)) / (tiles * params.heads);
  let width = params.heads * params.head_dim;
  let columns = select(params.columns, params.columns.zzzz, vv) + head * params.head_dim;
  let shared_rows = columns.y == columns.z && VECTORS <= DEPTH; // V-V attention: the keys are the values
  let first_query = tile * QUERIES;
  let first_row = sequence * params.length + first_query;
  let end_row = (sequence + 1u) * params.length;
  let causal = params.causal != 0u;
  // For scores: the lane's queries are upper + UPPER i of the tile, its keys 4 own .. 4 own + 3.
  let upper = lane / QUADS;
  let own = lane % QUADS;
  // For sums: its queries are row + ROWS i, its vector is column.
  let row = lane / DEPTH;
  let column = lane % DEPTH;

  // How many keys each of the lane's queries sees.
  let queried = min(first_query + upper + UPPER * vec4u(0u, 1u, 2u, 3u), vec4u(params.length - 1u));
  let visible = params.prefix_length + select(vec4u(params.length), queried + 1u, causal);
  // What all queries of the tile see, and what any sees.
  let seen_by_all = params.prefix_length + select(params.length, first_query + 1u, causal);
  let end = params.prefix_length + select(params.length, min(params.length, first_query + QUERIES), causal);

  var sums = Sums();
  var sums2 = Sums(); // of the vectors behind the first 16
  var top = vec4f(hidden); // the highest score so far
  var sum = vec4f(); // over the lane's own keys
  if (VECTORS <= DEPTH) {
    load_queries(lane, first_row, end_row, columns.x, 0u);
  }
  for (var first = 0u; first < end; first += KEYS) {
    var scores = mat4x4f(); // a column for each query
    for (var v = 0u; v < VECTORS; v += DEPTH) {
      workgroupBarrier();
      if (VECTORS > DEPTH) {
        load_queries(lane, first_row, end_row, columns.x, v);
      }
      load_rows(lane, sequence, first, end, columns.y, v);
      workgroupBarrier();
      for (var d = 0u; 4u * d < min(DEPTH, (params.head_dim + 3u) / 4u - v); d++) {
        scores = add_vector(scores, upper, own, d, 0u);
        scores = add_vector(scores, upper, own, d, 1u);
        scores = add_vector(scores, upper, own, d, 2u);
        scores = add_vector(scores, upper, own, d, 3u);
      }
    }
    if (first + KEYS > seen_by_all) {
      let keys = first + 4u * own + vec4u(0u, 1u, 2u, 3u);
      scores = mat4x4f(
        hide(scores[0], keys, visible.x),
        hide(scores[1], keys, visible.y),
        hide(scores[2], keys, visible.z),
        hide(scores[3], keys, visible.w)
      );
    }

    of_lanes[upper][own] =
      vec4f(highest_of(scores[0]), highest_of(scores[1]), highest_of(scores[2]), highest_of(scores[3]));
    workgroupBarrier();
    var highest = top;
    for (var c = 0u; c < QUADS; c++) {
      highest = max(highest, of_lanes[upper][c]);
    }
    let rescale = exp(top - highest);
    top = highest;
    let p0 = exp(scores[0] - top.x);
    let p1 = exp(scores[1] - top.y);
    let p2 = exp(scores[2] - top.z);
    let p3 = exp(scores[3] - top.w);
    sum = rescale * sum + vec4f(sum_of(p0), sum_of(p1), sum_of(p2), sum_of(p3));
    weights[upper].of_keys[own / 4u][own % 4u] = p0;
    weights[upper + UPPER].of_keys[own / 4u][own % 4u] = p1;
    weights[upper + 2u * UPPER].of_keys[own / 4u][own % 4u] = p2;
    weights[upper + 3u * UPPER].of_keys[own / 4u][own % 4u] = p3;
    if (own == 0u) {
      factors[upper] = rescale;
    }

    if (!shared_rows) {
      load_rows(lane, sequence, first, end, columns.z, 0u);
    }
    workgroupBarrier();
    sums = add_tile(Sums(scaled(sums.near, factors[row]), scaled(sums.far, factors[row + ROWS])), row, column);
    if (VECTORS > DEPTH) {
      workgroupBarrier();
      load_rows(lane, sequence, first, end, columns.z, DEPTH);
      workgroupBarrier();
      sums2 = add_tile(Sums(scaled(sums2.near, factors[row]), scaled(sums2.far, factors[row + ROWS])), row, column);
    }
  }

  of_lanes[upper][own] = sum;
  workgroupBarrier();
  sum = vec4f();
  for (var c = 0u; c < QUADS; c++) {
    sum += of_lanes[upper][c];
  }
  if (own == 0u) {
    factors[upper] = 1.0 / sum;
    let logs = top + log(sum);
    for (var i = 0u; i < 4u; i++) {
      let query = first_query + upper + UPPER * i;
      if (query < params.length) {
        let at = (sequence * params.heads + head) * params.length + query;
        if (vv) {
          lse_vv[at] = logs[i];
        } else {
          lse[at] = logs[i];
        }
      }
    }
  }
  workgroupBarrier();
  let means = Sums(scaled(sums.near, factors[row]), scaled(sums.far, factors[row + ROWS]));
  store_means(means, vv, first_query + row, first_row + row, head, column);
  if (VECTORS > DEPTH) {
    let means2 = Sums(scaled(sums2.near, factors[row]), scaled(sums2.far, factors[row + ROWS]));
    store_means(means2, vv, first_query + row, first_row + row, head, column + DEPTH);
  }
}

// Writes vector c of the lane's queries' rows; `query` counts in the sequence, `row` in out.
fn store_means(means: Sums, vv: bool, query: u32, row: u32, head: u32, c: u32) {
  for (var i = 0u; i < 4u; i++) {
    store_mean(means.near[i], vv, query + UPPER * i, row + UPPER * i, head, c);
    store_mean(means.far[i], vv, query + UPPER * i + ROWS, row + UPPER * i + ROWS, head, c);
  }
}

fn store_mean(mean: vec4f, vv: bool, query: u32, row: u32, head: u32, c: u32) {
  if (query < params.length) {
    let start = row * params.heads * params.head_dim + head * params.head_dim;
    for (var k = 4u * c; k < min(params.head_dim, 4u * c + 4u); k++) {
      if (vv) {
        out_vv[start + k] = mean[k % 4u];
      } else {
        out[start + k] = mean[k % 4u];
      }
    }
  }
}

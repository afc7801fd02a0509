// d query = scale * sum over keys of p * (dout . value - delta) * key, with p = exp(scale * query . key - lse); written
// into the query columns of dqkv. For long sequences on GPUs: tiles in workgroup memory.
//
// Shapes    as query_gradient.wgsl and its parts have them
// Dispatch  one workgroup of 4 TILE lanes per TILE queries of one head, spread over x and y. Workgroup memory: 39 KB for 32
//           queries, 28 KB for 16

#include "query_gradient.wgsl"
#include "head_tile.wgsl"
#include "gradient_tile.wgsl"

var<workgroup> ds_of: array<Weights, TILE>;

fn load_queries(lane: u32, first_row: u32, end_row: u32, column: u32, head_column: u32) {
  let c = lane % DEPTH;
  let width = params.heads * params.head_dim;
  for (var i = lane / DEPTH; i < TILE; i += LANES / DEPTH) {
    let row = min(first_row + i, end_row - 1u);
    var q = vec4f(); // behind a row's end zeros, which add nothing
    var g = vec4f();
    if (4u * c < params.head_dim) {
      q = params.scale * own_vector(row * 3u * width + column, c);
      g = dout_vector(row * width + head_column, c);
    }
    own[i][FIRST].vectors[c / 4u][c % 4u] = q;
    own[i][SECOND].vectors[c / 4u][c % 4u] = g;
  }
}

fn load_keys(lane: u32, sequence: u32, first_key: u32, end: u32, columns: vec4u) {
  let c = lane % DEPTH;
  for (var i = lane / DEPTH; i < OTHERS; i += LANES / DEPTH) {
    let key = min(first_key + i, end - 1u);
    var k = vec4f();
    var v = vec4f();
    if (4u * c < params.head_dim) {
      k = key_vector(sequence, key, columns.y, c);
      v = key_vector(sequence, key, columns.z, c);
    }
    others[FIRST][i % 4u][i / 8u][i / 4u % 2u].vectors[c / 4u][c % 4u] = k;
    others[SECOND][i % 4u][i / 8u][i / 4u % 2u].vectors[c / 4u][c % 4u] = v;
  }
}

// Adds to the lane's four queries' sums, a column each.
fn add_keys(sums: mat4x4f, row: u32, column: u32, h: u32, e: u32) -> mat4x4f {
  let keys = four_of(FIRST, column, h, e);
  return mat4x4f(
    add_rows(sums[0], ds_of[row].of_others[h][e], keys),
    add_rows(sums[1], ds_of[row + ROWS].of_others[h][e], keys),
    add_rows(sums[2], ds_of[row + 2u * ROWS].of_others[h][e], keys),
    add_rows(sums[3], ds_of[row + 3u * ROWS].of_others[h][e], keys)
  );
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let place = head_tile(group, groups, params.length, TILE);
  if (place.sequence >= params.sequences) {
    return;
  }
  let tile = place.tile;
  let head = place.head;
  let sequence = place.sequence;
  let columns = params.columns + head * params.head_dim;
  let first_query = tile * TILE;
  let first_row = sequence * params.length;
  let causal = params.causal != 0u;
  let upper = lane / QUADS;
  let quad = lane % QUADS;
  let row = lane / DEPTH;
  let column = lane % DEPTH;

  let queries = min(first_query + vec2u(upper, upper + UPPER), vec2u(params.length - 1u));
  let visible = params.prefix_length + select(vec2u(params.length), queries + 1u, causal);
  let statistics_at = (sequence * params.heads + head) * params.length;
  let of_near = statistics[statistics_at + queries.x];
  let of_far = statistics[statistics_at + queries.y];
  load_queries(lane, first_row + first_query, first_row + params.length, columns.x, head * params.head_dim);

  var dq = mat4x4f(); // a column for each of the queries row + ROWS i
  let end = params.prefix_length + select(params.length, min(params.length, first_query + TILE), causal);
  for (var first = 0u; first < end; first += OTHERS) {
    workgroupBarrier();
    load_keys(lane, sequence, first, end, columns);
    workgroupBarrier();
    let scores = products(FIRST, upper, quad);
    let dp = products(SECOND, upper, quad);
    let keys = first + 4u * quad + vec4u(0u, 1u, 2u, 3u);
    let p_near = select(vec4f(), exp(scores[0] - of_near.x), keys < vec4u(visible.x));
    let p_far = select(vec4f(), exp(scores[1] - of_far.x), keys < vec4u(visible.y));
    ds_of[upper].of_others[quad / 2u][quad % 2u] = score_gradient(p_near, dp[0] - of_near.y);
    ds_of[upper + UPPER].of_others[quad / 2u][quad % 2u] = score_gradient(p_far, dp[1] - of_far.y);
    workgroupBarrier();
    for (var h = 0u; h < 4u; h++) {
      dq = add_keys(dq, row, column, h, 0u);
      dq = add_keys(dq, row, column, h, 1u);
    }
  }
  if (4u * column < params.head_dim) {
    for (var i = 0u; i < 4u; i++) {
      let query = first_query + row + ROWS * i;
      if (query < params.length) {
        let start = (first_row + query) * 3u * params.heads * params.head_dim;
        store_vector(start, head, columns.x, column, params.scale * dq[i]);
      }
    }
  }
}

// d value = sum over queries of p * dout, d key = scale * sum over queries of p * (dout . value - delta) * query, with
// p = exp(scale * query . key - lse). Queries are taken in order. For long
// sequences on GPUs: tiles in workgroup memory.
//
// Shapes    as key_gradient.wgsl and its parts have them
// Dispatch  one workgroup of 4 TILE lanes per TILE key rows of one sequence and head, spread over x and y. Workgroup memory:
//           44 KB for 32 keys, 31 KB for 16

#include "key_gradient.wgsl"
#include "head_tile.wgsl"
#include "gradient_tile.wgsl"

var<workgroup> p_of: array<Weights, TILE>;
var<workgroup> ds_of: array<Weights, TILE>;

fn load_keys(lane: u32, first_row: u32, last_row: u32, columns: vec4u) {
  let c = lane % DEPTH;
  for (var i = lane / DEPTH; i < TILE; i += LANES / DEPTH) {
    let start = min(first_row + i, last_row) * 3u * params.heads * params.head_dim;
    var k = vec4f(); // behind a row's end zeros, which add nothing
    var v = vec4f();
    if (4u * c < params.head_dim) {
      k = params.scale * key_vector(start + columns.y, c);
      v = key_vector(start + columns.z, c);
    }
    own[i][FIRST].vectors[c / 4u][c % 4u] = k;
    own[i][SECOND].vectors[c / 4u][c % 4u] = v;
  }
}

fn load_queries(lane: u32, first_query: u32, end: u32, column: u32, head_column: u32) {
  let c = lane % DEPTH;
  let width = params.heads * params.head_dim;
  for (var i = lane / DEPTH; i < OTHERS; i += LANES / DEPTH) {
    let query = min(first_query + i, end - 1u);
    var q = vec4f();
    var g = vec4f();
    if (4u * c < params.head_dim) {
      q = own_vector(query * 3u * width + column, c);
      g = dout_vector(query * width + head_column, c);
    }
    others[FIRST][i % 4u][i / 8u][i / 4u % 2u].vectors[c / 4u][c % 4u] = q;
    others[SECOND][i % 4u][i / 8u][i / 4u % 2u].vectors[c / 4u][c % 4u] = g;
  }
}

// Sums of the lane's four keys, a column each.
struct Sums {
  dk: mat4x4f,
  dv: mat4x4f,
}

fn add_queries(sums: Sums, row: u32, column: u32, h: u32, e: u32) -> Sums {
  let q = four_of(FIRST, column, h, e);
  let g = four_of(SECOND, column, h, e);
  return Sums(
    mat4x4f(
      add_rows(sums.dk[0], ds_of[row].of_others[h][e], q),
      add_rows(sums.dk[1], ds_of[row + ROWS].of_others[h][e], q),
      add_rows(sums.dk[2], ds_of[row + 2u * ROWS].of_others[h][e], q),
      add_rows(sums.dk[3], ds_of[row + 3u * ROWS].of_others[h][e], q)
    ),
    mat4x4f(
      add_rows(sums.dv[0], p_of[row].of_others[h][e], g),
      add_rows(sums.dv[1], p_of[row + ROWS].of_others[h][e], g),
      add_rows(sums.dv[2], p_of[row + 2u * ROWS].of_others[h][e], g),
      add_rows(sums.dv[3], p_of[row + 3u * ROWS].of_others[h][e], g)
    )
  );
}

fn statistics_of(query: u32, head: u32) -> vec2f {
  return statistics[(query / params.length * params.heads + head) * params.length + query % params.length];
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let place = head_tile(group, groups, params.keys, TILE);
  if (place.sequence >= params.sequences) {
    return;
  }
  let tile = place.tile;
  let head = place.head;
  let sequence = place.sequence;
  let columns = params.columns + head * params.head_dim;
  let upper = lane / QUADS;
  let quad = lane % QUADS;
  let row = lane / DEPTH;
  let column = lane % DEPTH;
  let first_key = tile * TILE;
  let first_row_of_keys = sequence * params.key_stride;
  load_keys(lane, first_row_of_keys + first_key, first_row_of_keys + params.keys - 1u, columns);

  let first_query = sequence * params.length; // counted through the sequences
  let end = first_query + params.length;
  let causal = params.causal != 0u;
  // The first query that sees a key: no query before the tile's first key sees any of its keys.
  let seen_from = first_query + select(vec2u(), first_key + vec2u(upper, upper + UPPER), causal);
  let begin = first_query + select(0u, first_key, causal);
  var sums = Sums();
  for (var first = begin; first < end; first += OTHERS) {
    workgroupBarrier();
    load_queries(lane, first, end, columns.x, head * params.head_dim);
    workgroupBarrier();
    let scores = products(FIRST, upper, quad);
    let dp = products(SECOND, upper, quad);
    let queries = first + 4u * quad + vec4u(0u, 1u, 2u, 3u);
    let existing = min(queries, vec4u(end - 1u));
    let of_queries = transpose(mat4x2f(
      statistics_of(existing.x, head),
      statistics_of(existing.y, head),
      statistics_of(existing.z, head),
      statistics_of(existing.w, head)
    ));
    let exists = queries < vec4u(end);
    let p_near = select(vec4f(), exp(scores[0] - of_queries[0]), exists & (queries >= vec4u(seen_from.x)));
    let p_far = select(vec4f(), exp(scores[1] - of_queries[0]), exists & (queries >= vec4u(seen_from.y)));
    p_of[upper].of_others[quad / 2u][quad % 2u] = p_near;
    p_of[upper + UPPER].of_others[quad / 2u][quad % 2u] = p_far;
    ds_of[upper].of_others[quad / 2u][quad % 2u] = score_gradient(p_near, dp[0] - of_queries[1]);
    ds_of[upper + UPPER].of_others[quad / 2u][quad % 2u] = score_gradient(p_far, dp[1] - of_queries[1]);
    workgroupBarrier();
    for (var h = 0u; h < 4u; h++) {
      sums = add_queries(sums, row, column, h, 0u);
      sums = add_queries(sums, row, column, h, 1u);
    }
  }
  if (4u * column < params.head_dim) {
    for (var i = 0u; i < 4u; i++) {
      let key = first_key + row + ROWS * i;
      if (key < params.keys) {
        let to = (sequence * params.keys + key) * params.dkeys_row.x + head * params.head_dim;
        store_vector(to, column, sums.dk[i], sums.dv[i]);
      }
    }
  }
}

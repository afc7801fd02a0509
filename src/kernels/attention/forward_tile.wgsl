// Tiles of the forward of long sequences in workgroup memory: queries, and 32 keys or values at a time.
//
// Includer  includes rows_with_prefix.wgsl and arithmetic.wgsl
// Layout    For the scores of 32 keys lanes form a grid of QUERIES / 4 x 8, each with 4 queries and 4 keys; for the sums of
//           values one of QUERIES / 8 x 16, each with 8 queries and, of each 16 vectors of the result, one.

override VECTORS: u32 = 16u; // in a head's row, at most 32
override QUERIES: u32 = 64u; // 64 or 32
override LANES: u32 = 2u * QUERIES;
const KEYS = 32u; // at a time
const DEPTH = 16u; // vectors of the queries', keys' and values' rows at a time
const QUADS = KEYS / 4u;
override UPPER: u32 = QUERIES / 4u; // queries of a lane's scores are this far apart
override ROWS: u32 = QUERIES / 8u; // and of its sums

// Arrays of arrays, of which indices are constants, or a lane's own, or count the turns of a loop: a compiler then finds
// each bound checked once, and addresses that differ by constants. Rows are one vector longer than what they hold: rows side
// by side lie in different memory banks.
struct Row {
  vectors: array<array<vec4f, 4>, 4>,
  unused: vec4f,
}

struct Weights {
  of_keys: array<array<vec4f, 4>, 2>, // a vector for four keys
  unused: vec4f,
}

var<workgroup> queries: array<Row, QUERIES>;
var<workgroup> rows: array<array<array<Row, 4>, 2>, 4>; // of keys, then of values; key 16 h + 4 c + j is row [j][h][c]
var<workgroup> weights: array<Weights, QUERIES>;
var<workgroup> of_lanes: array<array<vec4f, QUADS>, UPPER>; // what each lane found for its 4 queries
var<workgroup> factors: array<vec4f, UPPER>; // of the same 4 queries

// What a lane adds up of 8 queries' values, a column each: queries `lane's row` + UPPER i, and those ROWS behind them.
struct Sums {
  near: mat4x4f,
  far: mat4x4f,
}

// Vectors first_vector .. first_vector + DEPTH - 1 of all queries' rows, times the scale.
fn load_queries(lane: u32, first_row: u32, end: u32, column: u32, first_vector: u32) {
  let c = lane % DEPTH;
  for (var i = lane / DEPTH; i < QUERIES; i += LANES / DEPTH) {
    let start = min(first_row + i, end - 1u) * 3u * params.heads * params.head_dim + column;
    var x = vec4f(); // behind a row's end zeros, which add nothing to a score
    if (first_vector + c < VECTORS) {
      x = params.scale * own_vector(start, first_vector + c);
    }
    queries[i].vectors[c / 4u][c % 4u] = x;
  }
}

// The same of 32 keys' (values') rows; keys from `end` on repeat the last.
fn load_rows(lane: u32, sequence: u32, first_key: u32, end: u32, column: u32, first_vector: u32) {
  let c = lane % DEPTH;
  for (var key = lane / DEPTH; key < KEYS; key += LANES / DEPTH) {
    var x = vec4f();
    if (first_vector + c < VECTORS) {
      x = key_vector(sequence, min(first_key + key, end - 1u), column, first_vector + c);
    }
    rows[key % 4u][key / 16u][key / 4u % 4u].vectors[c / 4u][c % 4u] = x;
  }
}

// Adds what vector 4 d + e of the rows gives to the scores of the lane's four queries, a column each.
fn add_vector(scores: mat4x4f, upper: u32, own: u32, d: u32, e: u32) -> mat4x4f {
  let keys = mat4x4f(
    rows[0][own / 4u][own % 4u].vectors[d][e],
    rows[1][own / 4u][own % 4u].vectors[d][e],
    rows[2][own / 4u][own % 4u].vectors[d][e],
    rows[3][own / 4u][own % 4u].vectors[d][e]
  );
  return mat4x4f(
    add_products(scores[0], queries[upper].vectors[d][e], keys),
    add_products(scores[1], queries[upper + UPPER].vectors[d][e], keys),
    add_products(scores[2], queries[upper + 2u * UPPER].vectors[d][e], keys),
    add_products(scores[3], queries[upper + 3u * UPPER].vectors[d][e], keys)
  );
}

// Scores of keys that a query does not see become `hidden`.
fn hide(scores: vec4f, keys: vec4u, visible: u32) -> vec4f {
  return select(vec4f(hidden), scores, keys < vec4u(visible));
}

// Adds vector c of the values' rows of keys 16 h + 4 e .. 16 h + 4 e + 3 by their weights.
fn add_values(sums: Sums, query: u32, c: u32, h: u32, e: u32) -> Sums {
  let values = mat4x4f(
    rows[0][h][e].vectors[c / 4u][c % 4u],
    rows[1][h][e].vectors[c / 4u][c % 4u],
    rows[2][h][e].vectors[c / 4u][c % 4u],
    rows[3][h][e].vectors[c / 4u][c % 4u]
  );
  return Sums(
    mat4x4f(
      add_rows(sums.near[0], weights[query].of_keys[h][e], values),
      add_rows(sums.near[1], weights[query + UPPER].of_keys[h][e], values),
      add_rows(sums.near[2], weights[query + 2u * UPPER].of_keys[h][e], values),
      add_rows(sums.near[3], weights[query + 3u * UPPER].of_keys[h][e], values)
    ),
    mat4x4f(
      add_rows(sums.far[0], weights[query + ROWS].of_keys[h][e], values),
      add_rows(sums.far[1], weights[query + ROWS + UPPER].of_keys[h][e], values),
      add_rows(sums.far[2], weights[query + ROWS + 2u * UPPER].of_keys[h][e], values),
      add_rows(sums.far[3], weights[query + ROWS + 3u * UPPER].of_keys[h][e], values)
    )
  );
}

// Adds vector c of all 32 values' rows.
fn add_tile(sums: Sums, query: u32, c: u32) -> Sums {
  var added = sums;
  for (var h = 0u; h < 2u; h++) {
    added = add_values(added, query, c, h, 0u);
    added = add_values(added, query, c, h, 1u);
    added = add_values(added, query, c, h, 2u);
    added = add_values(added, query, c, h, 3u);
  }
  return added;
}

// Each column by its own factor.
fn scaled(m: mat4x4f, by: vec4f) -> mat4x4f {
  return mat4x4f(m[0] * by.x, m[1] * by.y, m[2] * by.z, m[3] * by.w);
}

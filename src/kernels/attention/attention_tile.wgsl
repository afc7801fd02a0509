// out = softmax(scale * query . key^T) . value per head, by online softmax: no score matrix in memory. For GPUs: tiles of
// queries, keys and values in workgroup memory.
//
// Shapes    as rows_with_prefix.wgsl and forward_outputs.wgsl have them
// Dispatch  one workgroup of 64 per 32 queries of one head, spread over x and y. Lanes form a grid of 8 x 8: a lane owns
//           4 queries, and of each 32 keys 4, of each 16 vectors of the result 2. Workgroup memory: 23 KB for heads of
//           64, 31 KB for heads of 128.
// Saved for backward: lse, the log of each query's sum of exponentials

#include "rows_with_prefix.wgsl"
#include "forward_outputs.wgsl"

override VECTORS: u32 = 16u; // in a head's row, at most 32
const GRID = 8u; // lanes along the queries, and along the keys
const LANES = GRID * GRID;
const TILE = 32u; // queries, and keys at a time
const DEPTH = 16u; // vectors of the keys' (values') rows at a time
const STRIDE = DEPTH + 1u; // one more than is stored: rows side by side lie in different memory banks
const QUADS = TILE / 4u;

var<workgroup> queries: array<vec4f, TILE * (VECTORS + 1u)>;
var<workgroup> rows: array<vec4f, TILE * STRIDE>; // of keys, then of values; key 4 c + j lies in row c + 8 j
var<workgroup> weights: array<vec4f, TILE * (QUADS + 1u)>; // [query][key / 4]
var<workgroup> of_lanes: array<vec4f, LANES>; // what each lane found for its 4 queries

// Vectors first_vector .. first_vector + DEPTH - 1 of 32 keys' (values') rows; keys from `end` on repeat the last.
fn load_rows(lane: u32, sequence: u32, first_key: u32, end: u32, column: u32, first_vector: u32) {
  let c = lane % DEPTH;
  if (first_vector + c < VECTORS) {
    for (var key = lane / DEPTH; key < TILE; key += LANES / DEPTH) {
      rows[(key / 4u + GRID * (key % 4u)) * STRIDE + c] =
        key_vector(sequence, min(first_key + key, end - 1u), column, first_vector + c);
    }
  }
}

// A query's scores of four keys, a column each.
fn add_scores(scores: vec4f, query: vec4f, keys: mat4x4f) -> vec4f {
  return vec4f(
    add_dot(scores.x, query, keys[0]),
    add_dot(scores.y, query, keys[1]),
    add_dot(scores.z, query, keys[2]),
    add_dot(scores.w, query, keys[3])
  );
}

// sum + values p: four keys' values, a column each, by their weights.
fn add_values(sum: vec4f, values: mat4x4f, p: vec4f) -> vec4f {
  return fma(values[0], vec4f(p.x), fma(values[1], vec4f(p.y), fma(values[2], vec4f(p.z), fma(values[3], vec4f(p.w), sum))));
}

// Scores of keys that a query does not see become `hidden`.
fn hide(scores: vec4f, keys: vec4u, visible: u32) -> vec4f {
  return select(vec4f(hidden), scores, keys < vec4u(visible));
}

// Vector c of four keys' rows, a column each.
fn four_rows(first: u32, c: u32) -> mat4x4f {
  return mat4x4f(
    rows[first * STRIDE + c],
    rows[(first + GRID) * STRIDE + c],
    rows[(first + 2u * GRID) * STRIDE + c],
    rows[(first + 3u * GRID) * STRIDE + c]
  );
}

// The weights of four keys for the lane's four queries, a column each.
fn four_weights(upper: u32, quad: u32) -> mat4x4f {
  return mat4x4f(
    weights[upper * (QUADS + 1u) + quad],
    weights[(upper + GRID) * (QUADS + 1u) + quad],
    weights[(upper + 2u * GRID) * (QUADS + 1u) + quad],
    weights[(upper + 3u * GRID) * (QUADS + 1u) + quad]
  );
}

// Adds vector c of all 32 values' rows by their weights to the lane's four queries' sums, a column each.
fn add_tile(sums: mat4x4f, upper: u32, c: u32) -> mat4x4f {
  var added = sums;
  for (var quad = 0u; quad < QUADS; quad++) {
    let p = four_weights(upper, quad);
    let values = four_rows(quad, c);
    added[0] = add_values(added[0], values, p[0]);
    added[1] = add_values(added[1], values, p[1]);
    added[2] = add_values(added[2], values, p[2]);
    added[3] = add_values(added[3], values, p[3]);
  }
  return added;
}

// Each column by its own factor.
fn scaled(m: mat4x4f, factors: vec4f) -> mat4x4f {
  return mat4x4f(m[0] * factors.x, m[1] * factors.y, m[2] * factors.z, m[3] * factors.w);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tiles = (params.length + TILE - 1u) / TILE;
  let index = group.y * groups.x + group.x;
  if (index >= params.sequences * params.heads * tiles) {
    return;
  }
  let tile = index % tiles;
  let head = (index / tiles) % params.heads;
  let sequence = index / (tiles * params.heads);
  let width = params.heads * params.head_dim;
  let columns = params.columns + head * params.head_dim;
  let last = params.length - 1u;
  // The lane's queries are upper, upper + 8, upper + 16 and upper + 24 of the tile, its keys 4 own .. 4 own + 3.
  let upper = lane / GRID;
  let own = lane % GRID;

  for (var i = lane; i < TILE * VECTORS; i += LANES) {
    let row = min(tile * TILE + i / VECTORS, last);
    queries[i / VECTORS * (VECTORS + 1u) + i % VECTORS] =
      params.scale * own_vector((sequence * params.length + row) * 3u * width + columns.x, i % VECTORS);
  }
  // How many keys each of the lane's queries sees.
  let queried = min(tile * TILE + upper + GRID * vec4u(0u, 1u, 2u, 3u), vec4u(last));
  let visible = params.prefix_length + select(vec4u(params.length), queried + 1u, params.causal != 0u);

  // Column i belongs to query i. Named matrices and constant columns: what is indexed by a variable may leave registers.
  var sums0 = mat4x4f(); // of the values' vectors own,
  var sums1 = mat4x4f(); // own + 8,
  var sums2 = mat4x4f(); // own + 16
  var sums3 = mat4x4f(); // and own + 24
  var top = vec4f(hidden); // the highest score so far
  var sum = vec4f(); // over the lane's own keys
  let end = params.prefix_length + select(params.length, min(params.length, (tile + 1u) * TILE), params.causal != 0u);
  for (var first = 0u; first < end; first += TILE) {
    var scores = mat4x4f();
    for (var v = 0u; v < VECTORS; v += DEPTH) {
      workgroupBarrier();
      load_rows(lane, sequence, first, end, columns.y, v);
      workgroupBarrier();
      for (var d = 0u; d < min(DEPTH, VECTORS - v); d++) {
        let keys = four_rows(own, d);
        let query = upper * (VECTORS + 1u) + v + d;
        scores[0] = add_scores(scores[0], queries[query], keys);
        scores[1] = add_scores(scores[1], queries[query + GRID * (VECTORS + 1u)], keys);
        scores[2] = add_scores(scores[2], queries[query + 2u * GRID * (VECTORS + 1u)], keys);
        scores[3] = add_scores(scores[3], queries[query + 3u * GRID * (VECTORS + 1u)], keys);
      }
    }
    let keys = first + 4u * own + vec4u(0u, 1u, 2u, 3u);
    scores[0] = hide(scores[0], keys, visible.x);
    scores[1] = hide(scores[1], keys, visible.y);
    scores[2] = hide(scores[2], keys, visible.z);
    scores[3] = hide(scores[3], keys, visible.w);

    of_lanes[lane] = vec4f(highest_of(scores[0]), highest_of(scores[1]), highest_of(scores[2]), highest_of(scores[3]));
    workgroupBarrier();
    var highest = top;
    for (var c = 0u; c < GRID; c++) {
      highest = max(highest, of_lanes[GRID * upper + c]);
    }
    let rescale = exp(top - highest);
    top = highest;
    let p = mat4x4f(
      exp(scores[0] - top.x),
      exp(scores[1] - top.y),
      exp(scores[2] - top.z),
      exp(scores[3] - top.w)
    );
    sum = rescale * sum + vec4f(sum_of(p[0]), sum_of(p[1]), sum_of(p[2]), sum_of(p[3]));
    let weight = upper * (QUADS + 1u) + own;
    weights[weight] = p[0];
    weights[weight + GRID * (QUADS + 1u)] = p[1];
    weights[weight + 2u * GRID * (QUADS + 1u)] = p[2];
    weights[weight + 3u * GRID * (QUADS + 1u)] = p[3];

    load_rows(lane, sequence, first, end, columns.z, 0u);
    workgroupBarrier();
    sums0 = add_tile(scaled(sums0, rescale), upper, own);
    sums1 = add_tile(scaled(sums1, rescale), upper, own + GRID);
    if (VECTORS > DEPTH) {
      workgroupBarrier();
      load_rows(lane, sequence, first, end, columns.z, DEPTH);
      workgroupBarrier();
      sums2 = add_tile(scaled(sums2, rescale), upper, own);
      sums3 = add_tile(scaled(sums3, rescale), upper, own + GRID);
    }
  }

  of_lanes[lane] = sum;
  workgroupBarrier();
  sum = vec4f();
  for (var c = 0u; c < GRID; c++) {
    sum += of_lanes[GRID * upper + c];
  }
  var sums = array<mat4x4f, 4>(sums0, sums1, sums2, sums3);
  let logs = top + log(sum);
  let factors = 1.0 / sum;
  for (var i = 0u; i < 4u; i++) {
    let row = tile * TILE + upper + GRID * i;
    if (row <= last) {
      let start = (sequence * params.length + row) * width + head * params.head_dim;
      for (var t = 0u; t < (VECTORS + GRID - 1u) / GRID; t++) {
        let mean = sums[t][i] * factors[i];
        for (var k = 4u * (own + GRID * t); k < min(params.head_dim, 4u * (own + GRID * t) + 4u); k++) {
          out[start + k] = mean[k % 4u];
        }
      }
      if (own == 0u) {
        lse[(sequence * params.heads + head) * params.length + row] = logs[i];
      }
    }
  }
}

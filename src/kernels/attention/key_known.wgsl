// d key and d value of heads whose size is known: ROWS keys to a lane, SUBGROUP rows apart, in registers. Queries are
// fetched FETCHED at a time, one row per lane, into arrays, and handed round by shuffles two by two.
//
// Includer  has `enable subgroups;`, includes key_gradient.wgsl, declares const VECTORS: vectors of a head's row
//
// Loops over a head's vectors have a constant end where they compute, so that they are unrolled and arrays become
// registers, and a variable one where they load and store, where unrolled code would not fit a core's cache.

#include "head_tile.wgsl"

override SUBGROUP: u32 = 8u; // the subgroup's size
override FETCHED: u32 = 8u; // rows fetched at a time: the smaller of SUBGROUP and 8
override ROWS: u32 = 1u; // 1 to 3

@compute @workgroup_size(SUBGROUP) @subgroup_size(SUBGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let span = SUBGROUP * ROWS;
  let place = head_tile(group, groups, params.keys, span);
  if (place.sequence >= params.sequences) {
    return;
  }
  let tile = place.tile;
  let head = place.head;
  let sequence = place.sequence;
  let first = tile * span + lane;
  let width = params.heads * params.head_dim;
  let vectors = params.head_dim / 4u; // VECTORS
  let columns = params.columns + head * params.head_dim;

  var key: array<array<vec4f, VECTORS>, 3>;
  var value: array<array<vec4f, VECTORS>, 3>;
  var dk = array<array<vec4f, VECTORS>, 3>();
  var dv = array<array<vec4f, VECTORS>, 3>();
  for (var r = 0u; r < ROWS; r++) {
    let row = min(first + r * SUBGROUP, params.keys - 1u);
    let key_start = (sequence * params.key_stride + row) * 3u * width;
    for (var c = 0u; c < vectors; c++) {
      key[r][c] = params.scale * key_vector(key_start + columns.y, c);
      value[r][c] = key_vector(key_start + columns.z, c);
    }
  }
  let first_query = sequence * params.length; // counted through the sequences
  let end = first_query + params.length;
  // No query before the tile's first key sees any of its keys.
  let causal = params.causal != 0u;
  let begin = first_query + select(0u, tile * span, causal);
  var q: array<vec4f, VECTORS>;
  var g: array<vec4f, VECTORS>;
  for (var chunk = begin; chunk < end; chunk += FETCHED) {
    let i = min(chunk + lane % FETCHED, end - 1u);
    let query_start = i * 3u * width + columns.x;
    let dout_start = i * width + head * params.head_dim;
    let statistic = (i / params.length * params.heads + head) * params.length + i % params.length;
    let chunk_statistics = statistics[statistic];
    for (var c = 0u; c < vectors; c++) {
      q[c] = own_vector(query_start, c);
      g[c] = dout_vector(dout_start, c);
    }
    for (var t = 0u; t < min(FETCHED, end - chunk); t++) {
      let lse = subgroupShuffle(chunk_statistics.x, t);
      let delta = subgroupShuffle(chunk_statistics.y, t);
      // The initial values are written out: some drivers do not reset a variable that is declared inside a loop.
      var p = array<f32, 3>();
      var ds = array<f32, 3>();
      for (var c = 0u; c < VECTORS; c++) {
        let of_query = subgroupShuffle(q[c], t);
        let of_dout = subgroupShuffle(g[c], t);
        for (var r = 0u; r < ROWS; r++) {
          p[r] = add_dot(p[r], key[r][c], of_query);
          ds[r] = add_dot(ds[r], value[r][c], of_dout);
        }
      }
      for (var r = 0u; r < ROWS; r++) {
        let hidden = causal && chunk + t < first_query + first + r * SUBGROUP;
        p[r] = select(exp(p[r] - lse), 0.0, hidden);
        // Where one key has all the weight the gradient is 0, which the difference of rounded numbers is not.
        ds[r] = select(p[r] * (ds[r] - delta), 0.0, p[r] == 1.0);
      }
      for (var c = 0u; c < VECTORS; c++) {
        let of_query = subgroupShuffle(q[c], t);
        let of_dout = subgroupShuffle(g[c], t);
        for (var r = 0u; r < ROWS; r++) {
          dk[r][c] += ds[r] * of_query;
          dv[r][c] += p[r] * of_dout;
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    let row = first + r * SUBGROUP;
    if (row < params.keys) {
      let to = (sequence * params.keys + row) * params.dkeys_row.x + head * params.head_dim;
      for (var c = 0u; c < vectors; c++) {
        store_vector(to, c, dk[r][c], dv[r][c]);
      }
    }
  }
}

// d value = sum over queries of p * dout, d key = scale * sum over queries of p * (dout . value - delta) * query, with
// p = exp(scale * query . key - lse). Queries are taken in order.
// Each subgroup fetches FETCHED queries at a time, one row per lane, and hands them round by shuffles; each lane owns a key.
//
// Shapes    as key_gradient.wgsl and its parts have them
// Dispatch  one subgroup = workgroup per SUBGROUP key rows of one sequence and head, spread over x and y

enable subgroups;
enable subgroup_size_control;

#include "key_gradient.wgsl"
#include "head_tile.wgsl"

override SUBGROUP: u32 = 8u; // the subgroup's size
override FETCHED: u32 = 8u; // rows fetched at a time: the smaller of SUBGROUP and 8

// Outside of main: SwiftShader compiles the whole in two thirds of the time.
var<private> key: array<vec4f, 32>;
var<private> value: array<vec4f, 32>;
var<private> dk: array<vec4f, 32>;
var<private> dv: array<vec4f, 32>;

@compute @workgroup_size(SUBGROUP) @subgroup_size(SUBGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let place = head_tile(group, groups, params.keys, SUBGROUP);
  if (place.sequence >= params.sequences) {
    return;
  }
  let tile = place.tile;
  let head = place.head;
  let sequence = place.sequence;
  let row = min(tile * SUBGROUP + lane, params.keys - 1u);
  let width = params.heads * params.head_dim;
  let vectors = (params.head_dim + 3u) / 4u; // of a head's row
  let columns = params.columns + head * params.head_dim;
  let key_start = (sequence * params.key_stride + row) * 3u * width;

  for (var c = 0u; c < vectors; c++) {
    key[c] = params.scale * key_vector(key_start + columns.y, c);
    value[c] = key_vector(key_start + columns.z, c);
    dk[c] = vec4f();
    dv[c] = vec4f();
  }
  let first_query = sequence * params.length; // counted through the sequences
  let end = first_query + params.length;
  // No query before the tile's first key sees any of its keys.
  let causal = params.causal != 0u;
  let begin = first_query + select(0u, tile * SUBGROUP, causal);
  for (var chunk = begin; chunk < end; chunk += FETCHED) {
    let i = min(chunk + lane % FETCHED, end - 1u);
    let query_start = i * 3u * width + columns.x;
    let dout_start = i * width + head * params.head_dim;
    let statistic = (i / params.length * params.heads + head) * params.length + i % params.length;
    let chunk_statistics = statistics[statistic];
    // The initial values are written out: some drivers do not reset a variable that is declared inside a loop.
    var p = array<f32, 8>();
    var ds = array<f32, 8>();
    for (var c = 0u; c < vectors; c++) {
      let q = own_vector(query_start, c);
      let g = dout_vector(dout_start, c);
      for (var t = 0u; t < FETCHED; t++) {
        p[t] += dot(key[c], subgroupShuffle(q, t));
        ds[t] += dot(value[c], subgroupShuffle(g, t));
      }
    }
    for (var t = 0u; t < FETCHED; t++) {
      let hidden = causal && chunk + t < first_query + row;
      p[t] = select(0.0, exp(p[t] - subgroupShuffle(chunk_statistics.x, t)), chunk + t < end && !hidden);
      let chunk_ds = p[t] * (ds[t] - subgroupShuffle(chunk_statistics.y, t));
      // Where one key has all the weight the gradient is 0, which the difference of rounded numbers is not.
      ds[t] = select(chunk_ds, 0.0, p[t] == 1.0);
    }
    for (var c = 0u; c < vectors; c++) {
      let q = own_vector(query_start, c);
      let g = dout_vector(dout_start, c);
      var dk_sum = dk[c];
      var dv_sum = dv[c];
      for (var t = 0u; t < FETCHED; t++) {
        dk_sum += ds[t] * subgroupShuffle(q, t);
        dv_sum += p[t] * subgroupShuffle(g, t);
      }
      dk[c] = dk_sum;
      dv[c] = dv_sum;
    }
  }
  if (tile * SUBGROUP + lane < params.keys) {
    let to = (sequence * params.keys + row) * params.dkeys_row.x + head * params.head_dim;
    for (var c = 0u; c < vectors; c++) {
      store_vector(to, c, dk[c], dv[c]);
    }
  }
}

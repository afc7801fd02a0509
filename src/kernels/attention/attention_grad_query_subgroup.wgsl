// d query = scale * sum over keys of p * (dout . value - delta) * key, with p = exp(scale * query . key - lse); written
// into the query columns of dqkv. Each subgroup fetches FETCHED keys and values at a time, one row per lane, and hands
// them round by shuffles; each lane owns a query.
//
// Shapes    as query_gradient.wgsl and its parts have them
// Dispatch  one subgroup = workgroup per SUBGROUP queries of one head, spread over x and y

enable subgroups;
enable subgroup_size_control;

#include "query_gradient.wgsl"
#include "head_tile.wgsl"

override SUBGROUP: u32 = 8u; // the subgroup's size
override FETCHED: u32 = 8u; // rows fetched at a time: the smaller of SUBGROUP and 8

// Outside of main: SwiftShader compiles the whole in two thirds of the time.
var<private> q: array<vec4f, 32>;
var<private> g: array<vec4f, 32>; // dout
var<private> dq: array<vec4f, 32>;

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
  let tile = place.tile;
  let head = place.head;
  let sequence = place.sequence;
  let width = params.heads * params.head_dim;
  let vectors = (params.head_dim + 3u) / 4u; // of a head's row
  let columns = params.columns + head * params.head_dim;
  let row = min(tile * SUBGROUP + lane, params.length - 1u);
  let start = (sequence * params.length + row) * 3u * width;
  let statistic = (sequence * params.heads + head) * params.length + row;

  for (var c = 0u; c < vectors; c++) {
    q[c] = params.scale * own_vector(start + columns.x, c);
    g[c] = dout_vector((sequence * params.length + row) * width + head * params.head_dim, c);
    dq[c] = vec4f();
  }
  let causal = params.causal != 0u;
  let visible = params.prefix_length + select(params.length, row + 1u, causal);
  let end = params.prefix_length + select(params.length, min(params.length, (tile + 1u) * SUBGROUP), causal);
  for (var chunk = 0u; chunk < end; chunk += FETCHED) {
    let key = min(chunk + lane % FETCHED, end - 1u);
    // The initial values are written out: some drivers do not reset a variable that is declared inside a loop.
    var s = array<f32, 8>();
    var dp = array<f32, 8>();
    for (var c = 0u; c < vectors; c++) {
      let k = key_vector(sequence, key, columns.y, c);
      let v = key_vector(sequence, key, columns.z, c);
      for (var t = 0u; t < FETCHED; t++) {
        s[t] += dot(q[c], subgroupShuffle(k, t));
        dp[t] += dot(g[c], subgroupShuffle(v, t));
      }
    }
    for (var t = 0u; t < FETCHED; t++) {
      let p = select(0.0, exp(s[t] - statistics[statistic].x), chunk + t < visible);
      // Where one key has all the weight the gradient is 0, which the difference of rounded numbers is not.
      s[t] = select(params.scale * p * (dp[t] - statistics[statistic].y), 0.0, p == 1.0);
    }
    for (var c = 0u; c < vectors; c++) {
      let k = key_vector(sequence, key, columns.y, c);
      var sum = dq[c];
      for (var t = 0u; t < FETCHED; t++) {
        sum += s[t] * subgroupShuffle(k, t);
      }
      dq[c] = sum;
    }
  }
  if (tile * SUBGROUP + lane < params.length) {
    for (var c = 0u; c < vectors; c++) {
      store_vector(start, head, columns.x, c, dq[c]);
    }
  }
}

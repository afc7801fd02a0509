// d query of heads whose size is known: ROWS queries to a lane, SUBGROUP rows apart, in registers. Keys and values are
// fetched FETCHED at a time, one row per lane, into arrays, and handed round by shuffles.
//
// Includer  has `enable subgroups;`, includes query_gradient.wgsl and arithmetic.wgsl, declares const VECTORS: vectors of a
//           head's row
//
// Loops over a head's vectors as in key_known.wgsl.

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
  let causal = params.causal != 0u;

  var q: array<array<vec4f, VECTORS>, 3>;
  var g: array<array<vec4f, VECTORS>, 3>; // dout
  var dq = array<array<vec4f, VECTORS>, 3>();
  var own: array<vec2f, 3>; // statistics
  var visible: array<u32, 3>; // how many keys a query sees
  for (var r = 0u; r < ROWS; r++) {
    let row = min(first + r * SUBGROUP, params.length - 1u);
    let start = (sequence * params.length + row) * 3u * width;
    own[r] = statistics[(sequence * params.heads + head) * params.length + row];
    visible[r] = params.prefix_length + select(params.length, row + 1u, causal);
    for (var c = 0u; c < vectors; c++) {
      q[r][c] = params.scale * own_vector(start + columns.x, c);
      g[r][c] = dout_vector((sequence * params.length + row) * width + head * params.head_dim, c);
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
    for (var t = 0u; t < min(FETCHED, end - chunk); t++) {
      // The initial values are written out: some drivers do not reset a variable that is declared inside a loop.
      var s = array<f32, 3>();
      var dp = array<f32, 3>();
      for (var c = 0u; c < VECTORS; c++) {
        let of_key = subgroupShuffle(k[c], t);
        let of_value = subgroupShuffle(v[c], t);
        for (var r = 0u; r < ROWS; r++) {
          s[r] = add_dot(s[r], q[r][c], of_key);
          dp[r] = add_dot(dp[r], g[r][c], of_value);
        }
      }
      for (var r = 0u; r < ROWS; r++) {
        let p = select(0.0, exp(s[r] - own[r].x), chunk + t < visible[r]);
        // Where one key has all the weight the gradient is 0, which the difference of rounded numbers is not.
        s[r] = select(params.scale * p * (dp[r] - own[r].y), 0.0, p == 1.0);
      }
      for (var c = 0u; c < VECTORS; c++) {
        let of_key = subgroupShuffle(k[c], t);
        for (var r = 0u; r < ROWS; r++) {
          dq[r][c] += s[r] * of_key;
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    let row = first + r * SUBGROUP;
    if (row < params.length) {
      for (var c = 0u; c < vectors; c++) {
        store_vector((sequence * params.length + row) * 3u * width, head, columns.x, c, dq[r][c]);
      }
    }
  }
}

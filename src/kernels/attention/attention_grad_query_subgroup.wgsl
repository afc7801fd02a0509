// d query = scale * sum over keys of p * (dout . value - delta) * key, with p = exp(scale * query . key - lse); written
// into the query columns of dqkv. Each subgroup fetches FETCHED keys and values at a time, one row per lane, and hands
// them round by shuffles; each lane owns a query.
//
// Shapes    qkv, dqkv [sequences, length, 3 * heads * head_dim], prefix, columns, ALIGNED: as in attention.wgsl;
//           dout [sequences, length, heads * head_dim]; statistics [sequences, heads, length], lse and delta (attention_statistics.wgsl)
// Dispatch  one subgroup = workgroup per LANES queries of one head, spread over x and y

enable subgroups;

override LANES: u32 = 8u; // the subgroup's size
override FETCHED: u32 = 8u; // rows fetched at a time: the smaller of LANES and 8
override ALIGNED: bool = true;
override PREFIXED: bool = false;
override SHARED: bool = false; // V-V attention: query, key and value are one; the parts left of it get zeros

struct Params {
  sequences: u32,
  length: u32,
  prefix_length: u32,
  heads: u32,
  head_dim: u32,
  causal: u32,
  scale: f32,
  columns: vec4u,
}

@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> qkv4: array<vec4f>;
@group(0) @binding(2) var<storage, read> prefix: array<f32>;
@group(0) @binding(3) var<storage, read> prefix4: array<vec4f>;
@group(0) @binding(4) var<storage, read> dout: array<f32>;
@group(0) @binding(5) var<storage, read> dout4: array<vec4f>;
@group(0) @binding(6) var<storage, read> statistics: array<vec2f>; // lse, delta
@group(0) @binding(7) var<storage, read_write> dqkv: array<f32>;
@group(0) @binding(8) var<uniform> params: Params;

/// Elements 4c .. 4c + 3 of a head's row that begins at `start` of qkv; zero past its end.
fn own_vector(start: u32, c: u32) -> vec4f {
  if (ALIGNED) {
    return qkv4[start / 4u + c];
  }
  var x = vec4f();
  for (var k = 0u; k < 4u; k++) {
    if (4u * c + k < params.head_dim) {
      x[k] = qkv[start + 4u * c + k];
    }
  }
  return x;
}

fn prefix_vector(start: u32, c: u32) -> vec4f {
  if (ALIGNED) {
    return prefix4[start / 4u + c];
  }
  var x = vec4f();
  for (var k = 0u; k < 4u; k++) {
    if (4u * c + k < params.head_dim) {
      x[k] = prefix[start + 4u * c + k];
    }
  }
  return x;
}

/// The same for a key's row, counted from the prefix's first.
fn key_vector(sequence: u32, key: u32, column: u32, c: u32) -> vec4f {
  let stride = 3u * params.heads * params.head_dim;
  if (PREFIXED) {
    if (key < params.prefix_length) {
      return prefix_vector(key * stride + column, c);
    }
  }
  return own_vector((sequence * params.length + key - params.prefix_length) * stride + column, c);
}

fn dout_vector(start: u32, c: u32) -> vec4f {
  if (ALIGNED) {
    return dout4[start / 4u + c];
  }
  var x = vec4f();
  for (var k = 0u; k < 4u; k++) {
    if (4u * c + k < params.head_dim) {
      x[k] = dout[start + 4u * c + k];
    }
  }
  return x;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let tiles = (params.length + LANES - 1u) / LANES;
  let index = group.y * groups.x + group.x;
  if (index >= params.sequences * params.heads * tiles) {
    return;
  }
  let tile = index % tiles;
  let head = (index / tiles) % params.heads;
  let sequence = index / (tiles * params.heads);
  let width = params.heads * params.head_dim;
  let vectors = (params.head_dim + 3u) / 4u; // of a head's row
  let columns = params.columns + head * params.head_dim;
  let row = min(tile * LANES + lane, params.length - 1u);
  let start = (sequence * params.length + row) * 3u * width;
  let statistic = (sequence * params.heads + head) * params.length + row;

  var q: array<vec4f, 32>;
  var g: array<vec4f, 32>; // dout
  var dq: array<vec4f, 32>;
  for (var c = 0u; c < vectors; c++) {
    q[c] = params.scale * own_vector(start + columns.x, c);
    g[c] = dout_vector((sequence * params.length + row) * width + head * params.head_dim, c);
    dq[c] = vec4f();
  }
  let causal = params.causal != 0u;
  let visible = params.prefix_length + select(params.length, row + 1u, causal);
  let end = params.prefix_length + select(params.length, min(params.length, (tile + 1u) * LANES), causal);
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
  if (tile * LANES + lane < params.length) {
    for (var c = 0u; c < vectors; c++) {
      for (var k = 0u; k < 4u; k++) {
        if (ALIGNED || 4u * c + k < params.head_dim) {
          if (SHARED) {
            dqkv[start + head * params.head_dim + 4u * c + k] = 0.0;
            dqkv[start + width + head * params.head_dim + 4u * c + k] = 0.0;
          }
          dqkv[start + columns.x + 4u * c + k] = dq[c][k];
        }
      }
    }
  }
}

// d value = sum over queries of p * dout, d key = scale * sum over queries of p * (dout . value - delta) * query, with
// p = exp(scale * query . key - lse). Queries are taken in order, those of all sequences of a group one after another.
// For adapters without subgroups and for GPUs.
//
// Shapes    qkv [sequences, length, 3 * heads * head_dim], columns, ALIGNED: as in attention.wgsl; key_rows: qkv, or the
//           prefix; dout [sequences, length, heads * head_dim]; statistics [sequences, heads, length], lse and delta;
//           dkeys: dqkv, or [groups, prefix_length, 2 * heads * head_dim] with one partial sum per group of sequences
// Dispatch  one invocation per group, head and key row, WORKGROUP per workgroup, workgroups spread over x and y

override WORKGROUP: u32 = 64u;
override VECTORS: u32 = 0u; // in a head's row, at most 32: what is known can live in registers; 0: read from params
override ALIGNED: bool = true;
override SHARED: bool = false; // V-V attention: query, key and value are one
override ACCUMULATE: bool = false; // SHARED: dkeys holds d query already

struct Params {
  sequences: u32,
  length: u32,
  heads: u32,
  head_dim: u32,
  causal: u32,
  scale: f32,
  keys: u32, // key rows of a group
  span: u32, // sequences of a group
  key_stride: u32, // rows of key_rows from one group's first to the next's: 0 for the prefix, which all share
  columns: vec4u,
  dkeys_row: vec4u, // elements in a row of dkeys, where d key begins, where d value begins
}

@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> qkv4: array<vec4f>;
@group(0) @binding(2) var<storage, read> key_rows: array<f32>;
@group(0) @binding(3) var<storage, read> key_rows4: array<vec4f>;
@group(0) @binding(4) var<storage, read> dout: array<f32>;
@group(0) @binding(5) var<storage, read> dout4: array<vec4f>;
@group(0) @binding(6) var<storage, read> statistics: array<vec2f>; // lse, delta
@group(0) @binding(7) var<storage, read_write> dkeys: array<f32>;
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

fn key_vector(start: u32, c: u32) -> vec4f {
  if (ALIGNED) {
    return key_rows4[start / 4u + c];
  }
  var x = vec4f();
  for (var k = 0u; k < 4u; k++) {
    if (4u * c + k < params.head_dim) {
      x[k] = key_rows[start + 4u * c + k];
    }
  }
  return x;
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

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let sequence_groups = (params.sequences + params.span - 1u) / params.span;
  if (index >= sequence_groups * params.heads * params.keys) {
    return;
  }
  let row = index % params.keys;
  let head = (index / params.keys) % params.heads;
  let sequences_group = index / (params.keys * params.heads);
  let width = params.heads * params.head_dim;
  let vectors = select((params.head_dim + 3u) / 4u, VECTORS, VECTORS > 0u);
  let columns = params.columns + head * params.head_dim;
  let key_start = (sequences_group * params.key_stride + row) * 3u * width;

  var key: array<vec4f, 32>;
  var value: array<vec4f, 32>;
  var dk: array<vec4f, 32>;
  var dv: array<vec4f, 32>;
  for (var c = 0u; c < vectors; c++) {
    key[c] = params.scale * key_vector(key_start + columns.y, c);
    value[c] = key_vector(key_start + columns.z, c);
    dk[c] = vec4f();
    dv[c] = vec4f();
  }
  // Queries are counted through the group's sequences; `causal` groups have one sequence.
  let first_query = sequences_group * params.span * params.length;
  let end = min(params.sequences, (sequences_group + 1u) * params.span) * params.length;
  let begin = first_query + select(0u, row, params.causal != 0u);
  for (var i = begin; i < end; i++) {
    let query_start = i * 3u * width + columns.x;
    let dout_start = i * width + head * params.head_dim;
    let statistic = (i / params.length * params.heads + head) * params.length + i % params.length;
    // The initial values are written out: some drivers do not reset a variable that is declared inside a loop.
    var products = vec4f();
    var dp = vec4f();
    for (var c = 0u; c < vectors; c++) {
      products = fma(key[c], own_vector(query_start, c), products);
      dp = fma(value[c], dout_vector(dout_start, c), dp);
    }
    let p = exp(products.x + products.y + products.z + products.w - statistics[statistic].x);
    // Where one key has all the weight the gradient is 0, which the difference of rounded numbers is not.
    let ds = select(p * (dp.x + dp.y + dp.z + dp.w - statistics[statistic].y), 0.0, p == 1.0);
    for (var c = 0u; c < vectors; c++) {
      dk[c] = fma(vec4f(ds), own_vector(query_start, c), dk[c]);
      dv[c] = fma(vec4f(p), dout_vector(dout_start, c), dv[c]);
    }
  }
  let to = (sequences_group * params.keys + row) * params.dkeys_row.x + head * params.head_dim;
  for (var c = 0u; c < vectors; c++) {
    for (var k = 0u; k < 4u; k++) {
      if (ALIGNED || 4u * c + k < params.head_dim) {
        let at = to + 4u * c + k;
        if (SHARED) {
          var sum = params.scale * dk[c][k] + dv[c][k];
          if (ACCUMULATE) {
            sum += dkeys[at + params.dkeys_row.z];
          }
          dkeys[at + params.dkeys_row.z] = sum;
        } else {
          dkeys[at + params.dkeys_row.y] = params.scale * dk[c][k];
          dkeys[at + params.dkeys_row.z] = dv[c][k];
        }
      }
    }
  }
}

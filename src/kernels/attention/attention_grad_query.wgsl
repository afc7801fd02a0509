// d query = scale * sum over keys of p * (dout . value - delta) * key, with p = exp(scale * query . key - lse); written
// into the query columns of dqkv. For adapters without subgroups and for GPUs.
//
// Shapes    qkv, dqkv [sequences, length, 3 * heads * head_dim], prefix, columns, ALIGNED: as in attention.wgsl;
//           dout [sequences, length, heads * head_dim]; statistics [sequences, heads, length], lse and delta (attention_statistics.wgsl)
// Dispatch  one invocation per sequence, head and query, WORKGROUP per workgroup, workgroups spread over x and y

override WORKGROUP: u32 = 64u;
override VECTORS: u32 = 0u; // in a head's row, at most 32: what is known can live in registers; 0: read from params
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

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (index >= params.sequences * params.heads * params.length) {
    return;
  }
  let row = index % params.length;
  let head = (index / params.length) % params.heads;
  let sequence = index / (params.length * params.heads);
  let width = params.heads * params.head_dim;
  let vectors = select((params.head_dim + 3u) / 4u, VECTORS, VECTORS > 0u);
  let columns = params.columns + head * params.head_dim;
  let start = (sequence * params.length + row) * 3u * width;

  var q: array<vec4f, 32>;
  var g: array<vec4f, 32>; // dout
  var dq: array<vec4f, 32>;
  for (var c = 0u; c < vectors; c++) {
    q[c] = params.scale * own_vector(start + columns.x, c);
    g[c] = dout_vector((sequence * params.length + row) * width + head * params.head_dim, c);
    dq[c] = vec4f();
  }
  let end = params.prefix_length + select(params.length, row + 1u, params.causal != 0u);
  for (var key = 0u; key < end; key++) {
    // The initial values are written out: some drivers do not reset a variable that is declared inside a loop.
    var products = vec4f();
    var dp = vec4f();
    for (var c = 0u; c < vectors; c++) {
      products = fma(q[c], key_vector(sequence, key, columns.y, c), products);
      dp = fma(g[c], key_vector(sequence, key, columns.z, c), dp);
    }
    let p = exp(products.x + products.y + products.z + products.w - statistics[index].x);
    // Where one key has all the weight the gradient is 0, which the difference of rounded numbers is not.
    let ds = select(params.scale * p * (dp.x + dp.y + dp.z + dp.w - statistics[index].y), 0.0, p == 1.0);
    for (var c = 0u; c < vectors; c++) {
      dq[c] = fma(vec4f(ds), key_vector(sequence, key, columns.y, c), dq[c]);
    }
  }
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

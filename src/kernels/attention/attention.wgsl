// out = softmax(scale * query . key^T) . value per head, by online softmax: no score matrix in memory. For adapters
// without subgroups and for GPUs, where neighbouring invocations read the same key at the same time.
//
// Shapes    qkv [sequences, length, 3 * heads * head_dim], rows [query | key | value], of which `columns` (x, y, z) say
//           where each begins; prefix [any, 3 * heads * head_dim], whose first prefix_length rows are keys and values
//           before every sequence's own; out [sequences, length, heads * head_dim]; lse [sequences, heads, length].
//           `*4` are the same tensors as vectors, read where head_dim is a multiple of 4 (ALIGNED).
// Dispatch  one invocation per sequence, head and query, WORKGROUP per workgroup, workgroups spread over x and y
// Saved for backward: lse, the log of each query's sum of exponentials

override WORKGROUP: u32 = 64u;
override VECTORS: u32 = 0u; // in a head's row, at most 32: what is known can live in registers; 0: read from params
override ALIGNED: bool = true;
override PREFIXED: bool = false;

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
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

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

  var q: array<vec4f, 32>;
  var sum_of_values: array<vec4f, 32>;
  for (var c = 0u; c < vectors; c++) {
    q[c] = params.scale * own_vector((sequence * params.length + row) * 3u * width + columns.x, c);
    sum_of_values[c] = vec4f();
  }
  var top = -1e30;
  var sum = 0.0;
  let end = params.prefix_length + select(params.length, row + 1u, params.causal != 0u);
  for (var key = 0u; key < end; key++) {
    var products = vec4f(); // the initial value is written out: some drivers forget to reset it
    for (var c = 0u; c < vectors; c++) {
      products = fma(q[c], key_vector(sequence, key, columns.y, c), products);
    }
    let s = products.x + products.y + products.z + products.w;
    if (s > top) {
      let rescale = exp(top - s);
      top = s;
      sum *= rescale;
      for (var c = 0u; c < vectors; c++) {
        sum_of_values[c] *= rescale;
      }
    }
    let p = exp(s - top);
    sum += p;
    for (var c = 0u; c < vectors; c++) {
      sum_of_values[c] = fma(vec4f(p), key_vector(sequence, key, columns.z, c), sum_of_values[c]);
    }
  }

  let start = (sequence * params.length + row) * width + head * params.head_dim;
  for (var c = 0u; c < vectors; c++) {
    let mean = sum_of_values[c] / sum;
    for (var k = 0u; k < 4u; k++) {
      if (ALIGNED || 4u * c + k < params.head_dim) {
        out[start + 4u * c + k] = mean[k];
      }
    }
  }
  lse[index] = top + log(sum);
}

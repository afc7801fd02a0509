// out = softmax(scale * query . key^T) . value per head, by online softmax: no score matrix in memory. Each subgroup
// fetches 2 * FETCHED keys (values) at a time, two rows per lane, and hands them round by shuffles; each lane owns ROWS
// queries.
//
// Shapes    qkv [sequences, length, 3 * heads * head_dim], rows [query | key | value], of which `columns` (x, y, z) say
//           where each begins; prefix [any, 3 * heads * head_dim], whose first prefix_length rows are keys and values
//           before every sequence's own; out [sequences, length, heads * head_dim]; lse [sequences, heads, length].
//           `*4` are the same tensors as vectors, read where head_dim is a multiple of 4 (ALIGNED).
// Dispatch  one subgroup = workgroup per LANES * ROWS queries of one head, spread over x and y
// Saved for backward: lse, the log of each query's sum of exponentials

enable subgroups;

override LANES: u32 = 8u; // the subgroup's size
override FETCHED: u32 = 8u; // the smaller of LANES and 8
override ROWS: u32 = 1u; // 1 or 2
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

const hidden = -1e30; // the score of a key that a query must not see

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

/// sum + a . b: four multiply-adds; the built-in dot costs an addition more.
fn add_dot(sum: f32, a: vec4f, b: vec4f) -> f32 {
  return fma(a.x, b.x, fma(a.y, b.y, fma(a.z, b.z, fma(a.w, b.w, sum))));
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let span = LANES * ROWS;
  let tiles = (params.length + span - 1u) / span;
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
  let first = tile * span + lane;
  let last = params.length - 1u;

  var q: array<array<vec4f, 32>, 2>;
  var sum_of_values: array<array<vec4f, 32>, 2>;
  var top = array(hidden, hidden);
  var sum = array<f32, 2>();
  var visible: array<u32, 2>; // how many keys a query sees
  for (var r = 0u; r < ROWS; r++) {
    let row = min(first + r * LANES, last);
    visible[r] = params.prefix_length + select(params.length, row + 1u, params.causal != 0u);
    for (var c = 0u; c < vectors; c++) {
      q[r][c] = params.scale * own_vector((sequence * params.length + row) * 3u * width + columns.x, c);
      sum_of_values[r][c] = vec4f();
    }
  }

  let end = params.prefix_length + select(params.length, min(params.length, (tile + 1u) * span), params.causal != 0u);
  for (var chunk = 0u; chunk < end; chunk += 2u * FETCHED) {
    let key0 = min(chunk + lane % FETCHED, end - 1u);
    let key1 = min(chunk + FETCHED + lane % FETCHED, end - 1u);
    // The initial value is written out: some drivers do not reset a variable that is declared inside a loop.
    var s = array<array<f32, 16>, 2>();
    for (var c = 0u; c < vectors; c++) {
      let k0 = key_vector(sequence, key0, columns.y, c);
      let k1 = key_vector(sequence, key1, columns.y, c);
      for (var t = 0u; t < FETCHED; t++) {
        let shuffled0 = subgroupShuffle(k0, t);
        let shuffled1 = subgroupShuffle(k1, t);
        for (var r = 0u; r < ROWS; r++) {
          s[r][t] = add_dot(s[r][t], q[r][c], shuffled0);
          s[r][t + FETCHED] = add_dot(s[r][t + FETCHED], q[r][c], shuffled1);
        }
      }
    }
    var rescale = array<f32, 2>();
    for (var r = 0u; r < ROWS; r++) {
      var highest = top[r];
      for (var t = 0u; t < 2u * FETCHED; t++) {
        s[r][t] = select(hidden, s[r][t], chunk + t < visible[r]);
        highest = max(highest, s[r][t]);
      }
      rescale[r] = exp(top[r] - highest);
      top[r] = highest;
      sum[r] *= rescale[r];
      for (var t = 0u; t < 2u * FETCHED; t++) {
        s[r][t] = exp(s[r][t] - highest);
        sum[r] += s[r][t];
      }
    }
    for (var c = 0u; c < vectors; c++) {
      let v0 = key_vector(sequence, key0, columns.z, c);
      let v1 = key_vector(sequence, key1, columns.z, c);
      var sums = array<vec4f, 2>();
      for (var r = 0u; r < ROWS; r++) {
        sums[r] = rescale[r] * sum_of_values[r][c];
      }
      for (var t = 0u; t < FETCHED; t++) {
        let shuffled0 = subgroupShuffle(v0, t);
        let shuffled1 = subgroupShuffle(v1, t);
        for (var r = 0u; r < ROWS; r++) {
          sums[r] += s[r][t] * shuffled0 + s[r][t + FETCHED] * shuffled1;
        }
      }
      for (var r = 0u; r < ROWS; r++) {
        sum_of_values[r][c] = sums[r];
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) {
    let row = first + r * LANES;
    if (row <= last) {
      let start = (sequence * params.length + row) * width + head * params.head_dim;
      for (var c = 0u; c < vectors; c++) {
        let mean = sum_of_values[r][c] / sum[r];
        for (var k = 0u; k < 4u; k++) {
          if (ALIGNED || 4u * c + k < params.head_dim) {
            out[start + 4u * c + k] = mean[k];
          }
        }
      }
      lse[(sequence * params.heads + head) * params.length + row] = top[r] + log(sum[r]);
    }
  }
}

// out = softmax(scale * query . key^T) . value per head, by online softmax: no score matrix in memory. Each subgroup
// fetches LANES keys (values) at a time, one row per lane, and hands them round by shuffles; each lane owns ROWS queries.
//
// Shapes    qkv [sequences, length, 3 * heads * head_dim], rows [query | key | value], of which `columns` (x, y, z) say
//           where each begins; prefix [any, 3 * heads * head_dim], whose first prefix_length rows are keys and values
//           before every sequence's own; out [sequences, length, heads * head_dim]; lse [sequences, heads, length].
//           `*4` are the same tensors as vectors, read where head_dim is a multiple of 4 (ALIGNED).
// Dispatch  one subgroup = workgroup per LANES * ROWS queries of one head, spread over x and y
// Saved for backward: lse, the log of each query's sum of exponentials

enable subgroups;

override LANES: u32 = 8u; // the subgroup's size
override ROWS: u32 = 1u; // 1 or 2
override DIM4: u32 = 16u; // vectors in a head's row, at most 32
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
  for (var k = 0u; k < min(4u, params.head_dim - 4u * c); k++) {
    x[k] = qkv[start + 4u * c + k];
  }
  return x;
}

fn prefix_vector(start: u32, c: u32) -> vec4f {
  if (ALIGNED) {
    return prefix4[start / 4u + c];
  }
  var x = vec4f();
  for (var k = 0u; k < min(4u, params.head_dim - 4u * c); k++) {
    x[k] = prefix[start + 4u * c + k];
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
  let columns = params.columns + head * params.head_dim;
  let first = tile * span + lane;
  let last = params.length - 1u;

  var q: array<vec4f, 64>;
  var sum_of_values: array<vec4f, 64>;
  var top = vec2f(hidden);
  var sum = vec2f();
  var visible: array<u32, 2>; // how many keys a query sees
  for (var r = 0u; r < ROWS; r++) {
    let row = min(first + r * LANES, last);
    visible[r] = params.prefix_length + select(params.length, row + 1u, params.causal != 0u);
    for (var c = 0u; c < DIM4; c++) {
      q[r * DIM4 + c] = params.scale * own_vector((sequence * params.length + row) * 3u * width + columns.x, c);
      sum_of_values[r * DIM4 + c] = vec4f();
    }
  }

  let end = params.prefix_length + select(params.length, min(params.length, (tile + 1u) * span), params.causal != 0u);
  for (var chunk = 0u; chunk < end; chunk += LANES) {
    let key = min(chunk + lane, end - 1u);
    // The initial value is written out: some drivers do not reset a variable that is declared inside a loop.
    var s = array<f32, 128>();
    for (var c = 0u; c < DIM4; c++) {
      let k = key_vector(sequence, key, columns.y, c);
      for (var t = 0u; t < LANES; t++) {
        let shuffled = subgroupShuffle(k, t);
        for (var r = 0u; r < ROWS; r++) {
          s[r * LANES + t] += dot(q[r * DIM4 + c], shuffled);
        }
      }
    }
    var rescale = vec2f(1.0);
    for (var r = 0u; r < ROWS; r++) {
      var highest = top[r];
      for (var t = 0u; t < LANES; t++) {
        s[r * LANES + t] = select(hidden, s[r * LANES + t], chunk + t < visible[r]);
        highest = max(highest, s[r * LANES + t]);
      }
      rescale[r] = exp(top[r] - highest);
      top[r] = highest;
      sum[r] *= rescale[r];
      for (var t = 0u; t < LANES; t++) {
        s[r * LANES + t] = exp(s[r * LANES + t] - highest);
        sum[r] += s[r * LANES + t];
      }
    }
    for (var c = 0u; c < DIM4; c++) {
      let v = key_vector(sequence, key, columns.z, c);
      for (var r = 0u; r < ROWS; r++) {
        sum_of_values[r * DIM4 + c] *= rescale[r];
      }
      for (var t = 0u; t < LANES; t++) {
        let shuffled = subgroupShuffle(v, t);
        for (var r = 0u; r < ROWS; r++) {
          sum_of_values[r * DIM4 + c] += s[r * LANES + t] * shuffled;
        }
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) {
    let row = first + r * LANES;
    if (row <= last) {
      let start = (sequence * params.length + row) * width + head * params.head_dim;
      for (var c = 0u; c < DIM4; c++) {
        let mean = sum_of_values[r * DIM4 + c] / sum[r];
        for (var k = 0u; k < min(4u, params.head_dim - 4u * c); k++) {
          out[start + 4u * c + k] = mean[k];
        }
      }
      lse[(sequence * params.heads + head) * params.length + row] = top[r] + log(sum[r]);
    }
  }
}

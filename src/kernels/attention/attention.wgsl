// out = softmax(scale * query . key^T) . value per head, by online softmax: no score matrix in memory. For adapters
// without subgroups and for GPUs, where neighbouring invocations read the same key at the same time.
//
// Shapes    as rows_with_prefix.wgsl and forward_outputs.wgsl have them
// Dispatch  one item per sequence, head and query
// Saved for backward: lse, the log of each query's sum of exponentials

#include "../parts/each_item.wgsl"
#include "rows_with_prefix.wgsl"
#include "forward_outputs.wgsl"

override VECTORS: u32 = 0u; // in a head's row, at most 32: what is known can live in registers; 0: read from params

fn items() -> u32 {
  return params.sequences * params.heads * params.length;
}

fn item(index: u32) {
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
  var top = hidden;
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

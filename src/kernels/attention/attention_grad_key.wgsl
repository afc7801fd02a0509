// d value = sum over queries of p * dout, d key = scale * sum over queries of p * (dout . value - delta) * query, with
// p = exp(scale * query . key - lse). Queries are taken in order.
// For adapters without subgroups and for GPUs.
//
// Shapes    as key_gradient.wgsl and its parts have them
// Dispatch  one item per sequence, head and key row

#include "../parts/each_item.wgsl"
#include "key_gradient.wgsl"

override VECTORS: u32 = 0u; // in a head's row, at most 32: what is known can live in registers; 0: read from params

fn items() -> u32 {
  return params.sequences * params.heads * params.keys;
}

fn item(index: u32) {
  let row = index % params.keys;
  let head = (index / params.keys) % params.heads;
  let sequence = index / (params.keys * params.heads);
  let width = params.heads * params.head_dim;
  let vectors = select((params.head_dim + 3u) / 4u, VECTORS, VECTORS > 0u);
  let columns = params.columns + head * params.head_dim;
  let key_start = (sequence * params.key_stride + row) * 3u * width;

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
  let first_query = sequence * params.length; // counted through the sequences
  let end = first_query + params.length;
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
  let to = (sequence * params.keys + row) * params.dkeys_row.x + head * params.head_dim;
  for (var c = 0u; c < vectors; c++) {
    store_vector(to, c, dk[c], dv[c]);
  }
}

// d query = scale * sum over keys of p * (dout . value - delta) * key, with p = exp(scale * query . key - lse); written
// into the query columns of dqkv. For adapters without subgroups and for GPUs.
//
// Shapes    as query_gradient.wgsl and its parts have them
// Dispatch  one item per sequence, head and query

#include "../parts/each_item.wgsl"
#include "query_gradient.wgsl"

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
    store_vector(start, head, columns.x, c, dq[c]);
  }
}

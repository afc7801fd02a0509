// What both gradients need per query and head: lse, the log-sum-exp of its scores that the forward saved, and delta =
// dout . out, which the softmax subtracts from every score's gradient. Together, because a shader that works on every
// adapter binds at most 8 storage buffers.
//
// Shapes    out, dout [sequences, length, heads * head_dim], lse [sequences, heads, length],
//           statistics [sequences, heads, length] of (lse, delta)
// Dispatch  one item per element of statistics

#include "../parts/each_item.wgsl"

struct Params {
  sequences: u32,
  length: u32,
  heads: u32,
  head_dim: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> out: array<f32>;
@group(0) @binding(2) var<storage, read> dout: array<f32>;
@group(0) @binding(3) var<storage, read> lse: array<f32>;
@group(0) @binding(4) var<storage, read_write> statistics: array<vec2f>;

fn items() -> u32 {
  return params.sequences * params.heads * params.length;
}

fn item(index: u32) {
  let row = index % params.length;
  let head = (index / params.length) % params.heads;
  let sequence = index / (params.length * params.heads);
  let start = ((sequence * params.length + row) * params.heads + head) * params.head_dim;
  var sum = 0.0;
  for (var c = 0u; c < params.head_dim; c++) {
    sum += out[start + c] * dout[start + c];
  }
  statistics[index] = vec2f(lse[index], sum);
}

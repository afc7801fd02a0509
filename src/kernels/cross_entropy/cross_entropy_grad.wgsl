// d loss / d logits of each row's cross entropy: (softmax - one_hot(label)) * dloss.
//
// Shapes    logits, dlogits [rows, classes], labels [rows] (i32), log_sum [rows], dloss [rows]
// Dispatch  one item per element of dlogits

#include "../parts/each_item.wgsl"
#include "params.wgsl"

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> log_sum: array<f32>;
@group(0) @binding(3) var<storage, read> dloss: array<f32>;
@group(0) @binding(4) var<storage, read_write> dlogits: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

fn items() -> u32 {
  return params.rows * params.classes;
}

fn item(i: u32) {
  let row = i / params.classes;
  let wanted = select(0.0, 1.0, u32(labels[row]) == i % params.classes);
  dlogits[i] = (exp(logits[i] - log_sum[row]) - wanted) * dloss[row];
}

// d loss / d logits of each row's cross entropy: (softmax - one_hot(label)) * dloss.
//
// Shapes    logits, dlogits [rows, width], width = classes, labels [rows] (i32), log_sum [rows], dloss [rows]
// Dispatch  one item per element of dlogits

#include "../parts/each_element.wgsl"
#include "../parts/rows_of_width.wgsl"

@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<i32>;
@group(0) @binding(3) var<storage, read> log_sum: array<f32>;
@group(0) @binding(4) var<storage, read> dloss: array<f32>;
@group(0) @binding(5) var<storage, read_write> dlogits: array<f32>;

fn element(row: u32, class_index: u32) {
  let i = row * params.width + class_index;
  let wanted = select(0.0, 1.0, u32(labels[row]) == class_index);
  dlogits[i] = (exp(logits[i] - log_sum[row]) - wanted) * dloss[row];
}

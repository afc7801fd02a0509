// Binary focal loss of each score: (1 - exp(-bce))^gamma * bce (Lin et al., 2017, as the published code has it).
//
// Shapes    score, labels, loss [count]; labels in [0, 1]
// Dispatch  one item per element
// Saved for backward: nothing

#include "../parts/each_item.wgsl"
#include "binary_focal_terms.wgsl"

@group(0) @binding(1) var<storage, read> score: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;

fn item(i: u32) {
  let bce = cross_entropy(score[i], labels[i]);
  loss[i] = power(one_minus_exp(bce), params.gamma) * bce;
}

// d loss / d score of the binary focal loss of each score.
//
//   d loss / d bce = gamma (1 - e)^(gamma - 1) e bce + (1 - e)^gamma, with e = exp(-bce)
//   d bce / d score = sigmoid(score) - label, or (p - label) / (p (1 - p)) for a probability p
//
// Shapes    score, labels, dloss, dscore [count]
// Dispatch  one item per element

#include "../parts/each_item.wgsl"
#include "binary_focal_terms.wgsl"

@group(0) @binding(1) var<storage, read> score: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<f32>;
@group(0) @binding(3) var<storage, read> dloss: array<f32>;
@group(0) @binding(4) var<storage, read_write> dscore: array<f32>;

fn item(i: u32) {
  let x = score[i];
  let y = labels[i];
  let bce = cross_entropy(x, y);
  let base = one_minus_exp(bce);
  let by_bce = params.gamma * power(base, params.gamma - 1.0) * exp(-bce) * bce + power(base, params.gamma);
  var by_score: f32;
  if (LOGITS) {
    let t = exp(-abs(x));
    by_score = select(t, 1.0, x >= 0.0) / (1.0 + t) - y;
  } else {
    by_score = (x - y) / max(x * (1.0 - x), 1e-12); // the floor is PyTorch's
  }
  dscore[i] = dloss[i] * by_bce * by_score;
}

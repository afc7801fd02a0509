// cosine[i, j] = features_i . features_j / (|features_i| |features_j|), and 0 on the diagonal (no pair).
//
// Shapes    features [rows, width], cosine [rows, rows], inverse_norm [rows]
// Dispatch  one task per element of cosine; the diagonal's write inverse_norm
// Saved for backward: cosine, inverse_norm (0 for a row of zeros, which makes its cosines and its gradient 0)

#include "../parts/each_workgroup.wgsl"
#include "../parts/rows_of_width.wgsl"
#include "../parts/tree_sum.wgsl"

@group(0) @binding(1) var<storage, read> features: array<f32>;
@group(0) @binding(2) var<storage, read_write> cosine: array<f32>;
@group(0) @binding(3) var<storage, read_write> inverse_norm: array<f32>;

alias Partial = vec3f;

fn tasks() -> u32 {
  return params.rows * params.rows;
}

fn task(at: u32, lane: u32) {
  let i = at / params.rows;
  let j = at % params.rows;
  var sums = vec3f(); // |a|^2, |b|^2, a . b
  for (var k = lane; k < params.width; k += WORKGROUP) {
    let a = features[i * params.width + k];
    let b = features[j * params.width + k];
    sums += vec3f(a * a, b * b, a * b);
  }
  let total = tree_sum(sums, lane);
  if (lane == 0u) {
    let total = total;
    // Two factors: the product of the squared norms could leave the range of f32.
    var inverse = vec2f();
    if (total.x > 0.0) {
      inverse.x = 1.0 / sqrt(total.x);
    }
    if (total.y > 0.0) {
      inverse.y = 1.0 / sqrt(total.y);
    }
    if (i == j) {
      cosine[at] = 0.0;
      inverse_norm[i] = inverse.x;
    } else {
      cosine[at] = total.z * inverse.x * inverse.y;
    }
  }
}

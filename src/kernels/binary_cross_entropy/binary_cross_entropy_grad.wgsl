// dx = dout (negative sigmoid(x) - positive sigmoid(-x)).
//
// Shapes    x, positive, negative, dout and dx alike, `count` elements
// Dispatch  one item per element

#include "../parts/each_several_counted.wgsl"
#include "params.wgsl"

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> positive: array<f32>;
@group(0) @binding(3) var<storage, read> negative: array<f32>;
@group(0) @binding(4) var<storage, read> dout: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

fn item(i: u32) {
  // The smaller of the two sigmoids, without overflow; the other one is 1 minus it.
  let e = exp(-abs(x[i]));
  let small = e / (1.0 + e);
  let large = 1.0 / (1.0 + e);
  let sigmoid = select(small, large, x[i] >= 0.0);
  let opposite = select(large, small, x[i] >= 0.0);
  dx[i] = dout[i] * (negative[i] * sigmoid - positive[i] * opposite);
}
